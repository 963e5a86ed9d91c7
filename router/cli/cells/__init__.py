"""Commands about a city's cells: make, resolve, check and diff."""
