"""The outcome of one check of `doctor`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from router.wire.errors import RouterError


class Check(Struct, frozen=True, kw_only=True):
    """The outcome of one check."""

    name: str
    state: Literal["ok", "failed", "skipped"]
    found: str
    hint: str | None = None


class Skipped(Exception):  # noqa: N818 - not an error: there is nothing to check
    """The check is impossible or not needed; the text says why."""


def outcome(name: str, check: Callable[[], str]) -> Check:
    """Make a check, and say what came of it."""
    try:
        return Check(name=name, state="ok", found=check())
    except Skipped as why:
        return Check(name=name, state="skipped", found=str(why))
    except RouterError as error:
        place = f"{error.where}: " if error.where else ""
        return Check(name=name, state="failed", found=f"{place}{error.what}", hint=error.hint)


def shown(seconds: float) -> str:
    """Seconds since 1970 as a time of UTC for people."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")
