"""What all networks' schemas are made of: field types, times, extensions."""
