"""Merging judged offline by other numbers than the city's: one translated stream, folded once for each value of a parameter."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from pydantic import ValidationError

from router.domain.matching.parameters import MergeParameters
from router.domain.rules.city import City
from router.simulator.evaluation.offline import Event, Offline, Translator
from router.simulator.evaluation.scores import Evaluation, Label, clusters_of, evaluate, labels_of
from router.simulator.messages import SourceMessage
from router.wire.errors import InputError

FILE = "merging.yaml"


class Stream(Struct, frozen=True):
    """The messages of one seed, translated once."""

    labels: Sequence[Label]
    events: Sequence[Event]

    def judged(self, city: City) -> tuple[Offline, Evaluation]:
        """Fold them by a city's rules, and compare with the ground truth."""
        offline = Offline(city)
        for event in self.events:
            offline.fold(event)
        return offline, evaluate(self.labels, clusters_of(offline.cases.values()))


def stream_of(city: City, messages: Iterable[SourceMessage]) -> Stream:
    """Messages in the order of receipt, translated by the city's tables and cells."""
    sent = list(messages)
    return Stream(labels_of(sent), list(Translator(city).events(sent)))


def with_value(city: City, path: str, value: float) -> City:
    """The city with one number of its merging.yaml changed.

    Args:
        city: as it is.
        path: keys joined by dots, such as `thresholds.merge` or `window_hours_by_matter.street-lamp`.
        value: the new number. A matter that the file does not name yet gets its own number.

    Raises:
        InputError: there is no such number, or it cannot have this value.
    """
    values: dict[str, Any] = city.merging.model_dump()
    place, (*keys, last) = values, path.split(".")
    for key in keys:
        place = place.get(key) if isinstance(place, dict) else None  # type: ignore[assignment]  # checked below
    if not isinstance(place, dict) or (
        last not in place and not path.startswith(("window_hours_by_matter.", "base_m_by_matter."))
    ):
        names = ", ".join(sorted(_numbers(values)))
        raise InputError(f"no number {path[:60]!r}", where=FILE, hint=f"name one of: {names}")
    place[last] = value
    try:
        merging = MergeParameters.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{path} cannot be {value:g}: {first['msg']}", where=FILE, hint="choose other values"
        ) from None
    return dataclasses.replace(city, merging=merging)


def _numbers(values: dict[str, Any], before: str = "") -> list[str]:
    """The dotted paths of the file's numbers, without those of single matters."""
    names: list[str] = []
    for key, value in values.items():
        if isinstance(value, dict):
            names += [f"{key}.<matter>"] if key.endswith("_of") else _numbers(value, f"{key}.")
        elif isinstance(value, (int, float)):
            names.append(f"{before}{key}")
    return names
