"""A synthetic city with known truth: incidents, who reports them and what goes wrong on the way. The door is `stream.py`."""
