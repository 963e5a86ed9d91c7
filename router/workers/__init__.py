"""Worker processes: the pool that starts and restarts them, the supervisor of health and rolling restarts, their exit codes."""
