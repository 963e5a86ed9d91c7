"""Limits and due instants."""
