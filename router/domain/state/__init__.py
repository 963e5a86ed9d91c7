"""What the fold remembers of one partition."""
