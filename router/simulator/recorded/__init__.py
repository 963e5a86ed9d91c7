"""Recorded histories of real cities, and the secondary reports made beside them."""
