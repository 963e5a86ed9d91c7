"""Something that happens once in the life of a deployment, however often its workers start."""

from pathlib import Path

from router.wire.settings import Settings

AFTER = 25
"""Calls before it happens: the work is under way by then."""
_calls = 0


def now(name: str) -> bool:
    """True once: at a call when there were enough of them, if no worker of this home was told so before."""
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
    """The file that says that it has happened."""
    return home / f"{name}.once"
