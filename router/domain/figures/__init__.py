"""Figures about the lives of tasks, from the journal of transitions."""
