"""What `grid-router dead-letters` is made of: choosing letters, their notes, repairing them, driving them again."""
