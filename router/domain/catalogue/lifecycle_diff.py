"""What two versions of a catalogue do differently with a task after its dispatch: lifecycles, arbitration, transfers."""

from collections.abc import Iterator

from msgspec import Struct

from router.domain.catalogue.resolve import Catalogue
from router.domain.lifecycle.lifecycles import Lifecycle

NONE = "none"


class LifecycleChange(Struct, frozen=True, kw_only=True):
    """One thing, before and after."""

    what: str
    """`field-work: handled at accepted`, `field-work: limit of suspended`, `arbitration` or `transfers`."""
    before: str
    after: str


def lifecycle_changes(before: Catalogue, after: Catalogue) -> tuple[LifecycleChange, ...]:
    """The differences of the workflows of both, then those of the whole city."""
    return tuple(_changes(before, after))


def _changes(before: Catalogue, after: Catalogue) -> Iterator[LifecycleChange]:
    for workflow in sorted(before.lifecycles.keys() & after.lifecycles.keys()):
        yield from _lifecycle(workflow, before.lifecycles[workflow], after.lifecycles[workflow])
    yield from _change("arbitration", _arbitration(before), _arbitration(after))
    yield from _change("transfers", _transfers(before), _transfers(after))


def _lifecycle(workflow: str, old: Lifecycle, new: Lifecycle) -> Iterator[LifecycleChange]:
    for stage, kind in sorted({*old.table, *new.table}):
        stages = [lifecycle.table.get((stage, kind), NONE) for lifecycle in (old, new)]
        yield from _change(f"{workflow}: {kind} at {stage}", *stages)
    for stage in sorted({*old.limits, *new.limits}):
        limits = [str(lifecycle.limits.get(stage, NONE)) for lifecycle in (old, new)]
        yield from _change(f"{workflow}: limit of {stage}", *limits)


def _arbitration(catalogue: Catalogue) -> str:
    one = catalogue.arbitration
    if one is None:
        return NONE
    unit = f"/{one.unit}" if one.unit else ""
    return f"{one.department}{unit} within {one.limit}" if one.limit else f"{one.department}{unit}"


def _transfers(catalogue: Catalogue) -> str:
    return ", ".join(sorted(" and ".join(sorted(together)) for together in catalogue.transfers)) or NONE


def _change(what: str, before: str, after: str) -> Iterator[LifecycleChange]:
    if before != after:
        yield LifecycleChange(what=what, before=before, after=after)
