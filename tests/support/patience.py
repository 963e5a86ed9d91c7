"""How long a test waits for a condition before it fails."""

PATIENCE_S = 240.0
"""Longer than a loaded machine needs, and shorter than the limit of one test. A test that passes never waits so long. What the
product promises in seconds has limits of its own in its tests."""
