"""Faust around the engine: app and agents, batch transport, offsets, shutdown."""
