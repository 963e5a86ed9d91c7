"""Feedback of departments and supervision: whether it is legal, and what it changes."""
