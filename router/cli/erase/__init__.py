"""`grid-router erase`: a person's data leaves cases, archive, journal, dead letters and repairs."""
