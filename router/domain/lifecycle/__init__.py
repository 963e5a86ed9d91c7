"""The life of a task and of its case: the table of stages, what follows from it for the case, and the journal."""
