"""The health of a worker: observations, health report, watchdog, HTTP server."""
