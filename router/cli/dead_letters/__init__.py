"""`grid-router dead-letters`: list, show, repair and redrive rejected records."""
