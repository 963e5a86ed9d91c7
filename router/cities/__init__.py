"""Finds, reads and checks a city, which is a folder of YAML and CSV files, and builds the domain's values from it."""
