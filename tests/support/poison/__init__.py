"""The poison collection: everything that a network can send and should not, by kind, with what must become of it.

python -c "from tests.support.poison import POISON; print(*(one.name for one in POISON), sep='\\n')"
"""

from collections.abc import Sequence

from tests.support.poison import encodings, fields, frames, json_text, places, texts, times
from tests.support.poison.record import Poison

__all__ = ["POISON", "Poison"]

_SOURCES = (
    json_text.broken,
    json_text.no_message,
    json_text.twice,
    json_text.deep,
    json_text.numbers,
    encodings.undeclared,
    encodings.marks,
    encodings.declared,
    fields.kinds,
    fields.absent,
    fields.extra,
    fields.long,
    fields.words,
    fields.persons,
    times.impossible,
    times.other_form,
    times.far,
    places.points,
    places.elsewhere,
    places.codes,
    texts.hostile,
    texts.ids,
    texts.classes,
    frames.nothing,
    frames.keys,
    frames.headers,
    frames.versions,
    frames.received,
    frames.large,
)
POISON: Sequence[Poison] = [one for source in _SOURCES for one in source()]
"""Every record, in the order of the kinds."""
