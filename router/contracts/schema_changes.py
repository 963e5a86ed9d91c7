"""The differences between two versions of a JSON Schema, and whether the new one accepts fewer or more values.

It compares the structure, and only the keywords of our generated schemas. It never reports equality when it is not
sure: an unknown keyword, or a pattern with another text, counts as a change.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from router.contracts.schema_nodes import (
    ABSENT,
    ANNOTATIONS,
    ANY,
    KNOWN,
    Choice,
    Kind,
    Node,
    SchemaChange,
    choices_of,
    escaped,
    values_of,
)
from router.contracts.widened_patterns import WIDENED

_Seen = frozenset[tuple[str, str]]
"""Pairs of references under comparison; they end the recursion in a tree whose nodes refer to themselves."""
_BOUNDS = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
_WHOLE = ("pattern", "format", "uniqueItems")
"""Keywords that are compared as a whole; the meaning of their values is not analysed. WIDENED names what is known."""


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[SchemaChange]:
    """Every relevant difference, once, in the order of the older schema."""
    return list(dict.fromkeys(_compare(Node(old, old), Node(new, new), "", frozenset())))


def _compare(old: Node, new: Node, place: str, seen: _Seen) -> Iterator[SchemaChange]:
    if not old.schema and not new.schema:
        return
    yield from _not_understood(old.schema, place)
    yield from _not_understood(new.schema, place)
    refs = (old.schema.get("$ref", ""), new.schema.get("$ref", ""))
    if any(refs):
        if refs not in seen:
            led = refs[0].removeprefix("#") or place
            yield from _compare(old.followed(), new.followed(), led, seen | {refs})
        return
    ours, theirs = choices_of(old, place), choices_of(new, place)
    if len(ours) == len(theirs) == 1 and ours[0].family == theirs[0].family:
        yield from _compare_values(ours[0].node, theirs[0].node, ours[0].place, seen)
    else:
        yield from _compare_choices(ours, theirs, place, seen)
    if "oneOf" in new.schema and _overlapping(theirs):
        yield SchemaChange(
            f"{place}/oneOf", "either", "two of its alternatives can match one value, so it cannot be compared"
        )


def _not_understood(schema: Mapping[str, Any], place: str) -> Iterator[SchemaChange]:
    alone = next((word for word in ("$ref", "anyOf", "oneOf") if word in schema), None)
    for word in schema:
        if word not in KNOWN:
            yield SchemaChange(f"{place}/{word}", "either", f"cannot compare the keyword `{word}`")
        elif alone and word != alone and word not in ANNOTATIONS:
            yield SchemaChange(f"{place}/{word}", "either", f"cannot compare `{word}` beside `{alone}`")


# --- alternatives -----------------------------------------------------------------------------------------------------


def _overlapping(choices: Sequence[Choice]) -> bool:
    """Whether two alternatives can match one value: same family, and no required constant distinguishes them."""
    for i, one in enumerate(choices):
        for other in choices[:i]:
            tags = dict(one.tags)
            if one.family == other.family and not any(tags.get(name, tag) != tag for name, tag in other.tags):
                return True
    return False


def _compare_choices(ours: list[Choice], theirs: list[Choice], place: str, seen: _Seen) -> Iterator[SchemaChange]:
    """Compare each alternative with its partner; one without partner is removed or new."""
    if any(one.family == ANY for one in (*ours, *theirs)):
        kind: Kind = "wider" if any(one.family == ANY for one in theirs) else "narrower"
        yield SchemaChange(place, kind, f"{_named(ours)} became {_named(theirs)}")
        return
    pairs = _pairs(ours, theirs, seen)
    for one, other in pairs:
        yield from _compare(one.node, other.node, one.place, seen)
    gone = [one for one in ours if all(one is not paired for paired, _ in pairs)]
    come = [one for one in theirs if all(one is not paired for _, paired in pairs)]
    if {one.family for one in gone} & {one.family for one in come}:
        yield SchemaChange(place, "either", f"cannot match {_named(gone)} with {_named(come)}")
        return
    yield from (SchemaChange(one.place, "narrower", f"`{one.key}` is no longer possible") for one in gone)
    yield from (SchemaChange(place, "wider", f"`{one.key}` is possible too") for one in come)


def _pairs(ours: list[Choice], theirs: list[Choice], seen: _Seen) -> list[tuple[Choice, Choice]]:
    """First alternatives that accept the same values, then those alone with their key, then those alone in their family."""

    def same(one: Choice, other: Choice) -> bool:
        return one.key == other.key and not any(_compare(one.node, other.node, one.place, seen))

    pairs: list[tuple[Choice, Choice]] = []
    left, right = list(ours), list(theirs)
    for alike in (same, lambda one, other: one.key == other.key, lambda one, other: one.family == other.family):
        for one in list(left):
            partners = [other for other in right if alike(one, other)]
            rivals = [rival for rival in left if partners and alike(rival, partners[0])]
            if len(partners) == len(rivals) == 1:
                pairs.append((one, partners[0]))
                left.remove(one)
                right.remove(partners[0])
    return pairs


def _named(choices: Sequence[Choice]) -> str:
    return " or ".join(sorted({f"`{one.key}`" for one in choices}))


# --- one type ---------------------------------------------------------------------------------------------------------


def _compare_values(old: Node, new: Node, place: str, seen: _Seen) -> Iterator[SchemaChange]:
    """Two schemas of one family, without alternatives."""
    before, after = old.schema, new.schema
    yield from _compare_words(before, after, place)
    types = before.get("type"), after.get("type")
    if types in {("integer", "number"), ("number", "integer")}:
        yield SchemaChange(
            f"{place}/type", "wider" if types[1] == "number" else "narrower", "{} became {}".format(*types)
        )
    yield from _compare_bounds(before, after, place)
    for word in _WHOLE:
        had, has = before.get(word), after.get(word)
        if had != has:
            wider = has is None or (had, has) in WIDENED
            kind: Kind = "narrower" if had is None else "wider" if wider else "either"
            yield SchemaChange(f"{place}/{word}", kind, f"`{word}` was {_shown(had)}, is {_shown(has)}")
    yield from _compare_items(old, new, place, seen)
    yield from _compare_fields(old, new, place, seen)


def _compare_words(before: Mapping[str, Any], after: Mapping[str, Any], place: str) -> Iterator[SchemaChange]:
    """The values that `enum` or `const` list."""
    had, has = values_of(before), values_of(after)
    where = f"{place}/{'const' if 'const' in before else 'enum'}"
    if had is not None and has is not None:
        if gone := [text for text in had if text not in has]:
            yield SchemaChange(where, "narrower", f"{', '.join(gone)} is no longer possible")
        if come := [text for text in has if text not in had]:
            yield SchemaChange(where, "grown", f"{', '.join(come)} is possible too")
    elif had is not None:
        yield SchemaChange(where, "wider", "its values are no longer listed")
    elif has is not None:
        yield SchemaChange(where, "narrower", f"only {', '.join(has)} is possible")


def _compare_bounds(before: Mapping[str, Any], after: Mapping[str, Any], place: str) -> Iterator[SchemaChange]:
    for low, high in _BOUNDS:
        for word, sign in ((low, 1), (high, -1)):
            had, has = _strictness(before, word, sign), _strictness(after, word, sign)
            if had != has:
                kind: Kind = "narrower" if has > had else "wider"
                yield SchemaChange(f"{place}/{word}", kind, f"`{word}` was {_limit(had, sign)}, is {_limit(has, sign)}")


def _strictness(schema: Mapping[str, Any], word: str, sign: int) -> tuple[float, bool]:
    """A lower limit, or the negative of an upper one, and whether the limit is excluded. Greater is stricter."""
    excluding = f"exclusive{word[0].upper()}{word[1:]}"
    least = 0 if sign == 1 and word != "minimum" else -inf  # no length is negative
    return max(
        [(least, False), *((sign * schema[key], key == excluding) for key in (word, excluding) if key in schema)]
    )


def _limit(strictness: tuple[float, bool], sign: int) -> str:
    limit, excluded = strictness
    return "open" if limit == -inf else f"{sign * limit:g}{' (excluded)' if excluded else ''}"


def _compare_items(old: Node, new: Node, place: str, seen: _Seen) -> Iterator[SchemaChange]:
    for i in range(max(len(side.schema.get("prefixItems", ())) for side in (old, new))):
        yield from _compare(_item(old, i), _item(new, i), f"{place}/prefixItems/{i}", seen)
    yield from _compare(old.at(old.schema.get("items")), new.at(new.schema.get("items")), f"{place}/items", seen)


def _item(node: Node, i: int) -> Node:
    first = node.schema.get("prefixItems", ())
    return node.at(first[i] if i < len(first) else node.schema.get("items"))


# --- objects ----------------------------------------------------------------------------------------------------------


def _compare_fields(old: Node, new: Node, place: str, seen: _Seen) -> Iterator[SchemaChange]:
    ours, theirs = (side.schema.get("properties", {}) for side in (old, new))
    must, must_now = (set(side.schema.get("required", ())) for side in (old, new))
    for name in ours:
        where = f"{place}/properties/{escaped(name)}"
        if name not in theirs:
            yield SchemaChange(where, "either", f"the field `{name}` was removed")
            continue
        was, now = old.at(ours[name]), new.at(theirs[name])
        if name not in must | must_now:
            yield from _compare_default(was.schema, now.schema, where)
        yield from _compare(was, now, where, seen)
    for name in sorted(must - must_now):
        yield SchemaChange(f"{place}/required", "wider", f"the field `{name}` may be absent")
    for name in sorted(must_now - must):
        yield SchemaChange(f"{place}/required", "narrower", f"the field `{name}` is required")
    yield from _compare_others(old, new, [name for name in theirs if name not in ours], place, seen)


def _compare_default(before: Mapping[str, Any], after: Mapping[str, Any], where: str) -> Iterator[SchemaChange]:
    """A writer omits a default value, and a reader fills in its own: both need the same default."""
    had, has = before.get("default", ABSENT), after.get("default", ABSENT)
    if had != has or type(had) is not type(has):
        yield SchemaChange(f"{where}/default", "either", f"the default was {_shown(had)}, is {_shown(has)}")


def _compare_others(old: Node, new: Node, added: list[str], place: str, seen: _Seen) -> Iterator[SchemaChange]:
    """Fields that the older schema does not name."""
    had, has = old.schema.get("additionalProperties"), new.schema.get("additionalProperties")
    for name in added:
        where = f"{place}/properties/{escaped(name)}"
        if had is False:
            yield SchemaChange(where, "wider", f"the field `{name}` is new where unknown fields were rejected")
        elif isinstance(had, Mapping):
            yield from _compare(old.at(had), new.at(new.schema["properties"][name]), where, seen)
    where = f"{place}/additionalProperties"
    if (had is False) != (has is False):
        kind: Kind = "narrower" if has is False else "wider"
        yield SchemaChange(where, kind, f"unknown fields are {'rejected' if has is False else 'possible'}")
    elif had is not False:
        yield from _compare(old.at(had), new.at(has), where, seen)
    if "propertyNames" in old.schema or "propertyNames" in new.schema:
        yield from _compare(_names(old), _names(new), f"{place}/propertyNames", seen)


def _names(node: Node) -> Node:
    """The schema of the names of fields, with their implicit type."""
    named = node.at(node.schema.get("propertyNames")).followed()
    return named.at({"type": "string", **named.schema})


def _shown(value: Any) -> str:
    return "not declared" if value is None or value is ABSENT else f"`{json.dumps(value, ensure_ascii=False)}`"
