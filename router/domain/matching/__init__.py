"""Which case a report belongs to: candidates, score and parameters."""
