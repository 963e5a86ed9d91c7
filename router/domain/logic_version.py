"""The version of the fold's logic.

It is raised whenever a change of the code makes the fold decide an old log differently. A change of a city's data does not raise
it: that has a version of its own. The golden histories in `tests/replay` hold the code to it.
"""

LOGIC_VERSION = 8
"""Recorded in every golden history."""
