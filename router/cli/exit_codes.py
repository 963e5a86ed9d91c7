"""Exit codes of every command."""

OK = 0
CHECK_FAILED = 1
"""The command worked and what it checked does not hold."""
EXPECTED = 2
"""An expected error, said in one sentence: wrong argument, unknown city, missing broker, ..."""
