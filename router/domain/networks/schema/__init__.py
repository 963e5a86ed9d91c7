"""Parts of the source schemas: field types, wall times, extensions."""
