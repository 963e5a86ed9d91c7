"""Traces of what reports and feedback cause: carried always, and as spans of OpenTelemetry where it is switched on."""
