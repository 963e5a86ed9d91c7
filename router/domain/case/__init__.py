"""The life of a case: opened, joined, revised, dispatched."""
