"""A fault that is injected once in the life of a deployment, however often its workers start."""

from pathlib import Path

from router.wire.settings import Settings

AFTER = 25
"""Calls before the fault is injected: the workers process records by then."""
_calls = 0


def now(name: str) -> bool:
    """True once a deployment: at the first call after `AFTER` calls in a process."""
    global _calls  # noqa: PLW0603 - the life of this process
    _calls += 1
    if _calls < AFTER:
        return False
    try:
        mark(Settings().home, name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def mark(home: Path, name: str) -> Path:
    """The file that exists once the fault was injected."""
    return home / f"{name}.once"
