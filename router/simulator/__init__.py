"""Feeds: recorded history replayed, its labelled companion stream, and the ledger that compares every id."""
