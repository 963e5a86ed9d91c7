"""Simulated input and its audit: recorded histories, synthetic cities, replays, and the ledger that reconciles every id."""
