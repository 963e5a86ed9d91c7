"""The two stages: normalise and merge."""
