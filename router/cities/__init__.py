"""A city is a folder of YAML and CSV: this room finds it, reads it and hands the domain its values."""
