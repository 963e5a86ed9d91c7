"""Worker processes: the pool that starts them, the supervisor that restarts them, their exit codes."""
