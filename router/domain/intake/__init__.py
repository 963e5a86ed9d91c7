"""From a network's record to a canonical report, or to a rejection."""
