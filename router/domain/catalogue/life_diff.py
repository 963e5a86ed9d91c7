"""What two versions of a catalogue do differently with a task after its dispatch: lives, arbitration, transfers."""

from collections.abc import Iterator

from msgspec import Struct

from router.domain.catalogue.resolve import Catalogue
from router.domain.lifecycle.lives import Life

NONE = "none"


class LifeChange(Struct, frozen=True, kw_only=True):
    """One thing, before and after."""

    what: str
    """`field-work: handled at accepted`, `field-work: limit of suspended`, `arbitration` or `transfers`."""
    before: str
    after: str


def life_changes(before: Catalogue, after: Catalogue) -> tuple[LifeChange, ...]:
    """The differences of the workflows of both, then those of the whole city."""
    return tuple(_changes(before, after))


def _changes(before: Catalogue, after: Catalogue) -> Iterator[LifeChange]:
    for workflow in sorted(before.lives.keys() & after.lives.keys()):
        yield from _life(workflow, before.lives[workflow], after.lives[workflow])
    yield from _change("arbitration", _arbitration(before), _arbitration(after))
    yield from _change("transfers", _transfers(before), _transfers(after))


def _life(workflow: str, old: Life, new: Life) -> Iterator[LifeChange]:
    for stage, kind in sorted({*old.table, *new.table}):
        stages = [life.table.get((stage, kind), NONE) for life in (old, new)]
        yield from _change(f"{workflow}: {kind} at {stage}", *stages)
    for stage in sorted({*old.limits, *new.limits}):
        limits = [str(life.limits.get(stage, NONE)) for life in (old, new)]
        yield from _change(f"{workflow}: limit of {stage}", *limits)


def _arbitration(catalogue: Catalogue) -> str:
    one = catalogue.arbitration
    if one is None:
        return NONE
    unit = f"/{one.unit}" if one.unit else ""
    return f"{one.department}{unit} within {one.limit}" if one.limit else f"{one.department}{unit}"


def _transfers(catalogue: Catalogue) -> str:
    return ", ".join(sorted(" and ".join(sorted(together)) for together in catalogue.transfers)) or NONE


def _change(what: str, before: str, after: str) -> Iterator[LifeChange]:
    if before != after:
        yield LifeChange(what=what, before=before, after=after)
