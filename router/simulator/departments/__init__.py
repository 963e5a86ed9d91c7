"""Simulated departments, inspectors and supervisors, who answer tasks."""
