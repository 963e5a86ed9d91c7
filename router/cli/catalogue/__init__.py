"""Commands about a city's rules: lint, test, explain, coverage, diff, publish."""
