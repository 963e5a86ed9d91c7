"""Which case a report belongs to: candidates, index, score and parameters."""
