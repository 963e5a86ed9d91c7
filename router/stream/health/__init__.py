"""Is the worker well: observations, verdict, watchdog, the HTTP pages."""
