"""Intake: from a network's record to a canonical report or a rejection."""
