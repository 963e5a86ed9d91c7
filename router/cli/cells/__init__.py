"""Commands about a city's cells: resolve, check, diff, and making them."""
