"""`grid-router case`: the life of a case, found by its id, by that of a report, or by that of a task."""
