"""Checks of a catalogue: lint, coverage, and the city's own rule tests."""
