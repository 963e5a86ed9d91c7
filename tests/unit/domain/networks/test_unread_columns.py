"""Columns that a translator never reads reject nothing, and null is an absent value where a field is optional.

Which columns a translator reads is watched, not listed: a column that a network adds is tested from the first day.
"""

from collections.abc import Iterator
from typing import Any, cast

import orjson
import pytest
from pydantic import BaseModel

from router.domain.networks import environment
from router.domain.networks.registry import NETWORKS
from router.domain.networks.schema.network import Draft
from tests.support.records import REQUEST, outcome, report
from tests.support.samples import NAMES, listening, sample

SAMPLES = [sample(name) for name in NAMES]
ODD = (None, "", "yesterday", "9" * 5000, 5, -1e300, True, [], {"a": [None]}, "01/06/3020 12:00:00 AM")
DRILL_MARKS = {"status", "csbz", "data_kind", "YLBZ", "kind"}
"""Optional fields in which null is rejected: it might hide that the report is a drill."""


class Watched:
    """A message that notes which of its fields are read."""

    def __init__(self, message: BaseModel, read: set[str]) -> None:
        self._message, self._read = message, read

    def __getattr__(self, name: str) -> Any:
        self._read.add(name)
        return getattr(self._message, name)


def inner_of(message: Any) -> BaseModel:
    return cast(BaseModel, getattr(message, "root", message))


def fields_read(network: str, text: bytes) -> set[str]:
    """The fields that the translator reads of one message, as the source spells them."""
    message, read = NETWORKS[network].schema.model_validate_json(text), set[str]()
    inner = inner_of(message)
    watched: Any = Watched(inner, read)
    if network == "environment":
        translate: Any = environment._of_reading if type(inner).__name__ == "Reading" else environment._of_complaint
        made = translate(watched)
    else:
        made = NETWORKS[network].draft(watched, listening().zone)
    assert isinstance(made, Draft)
    fields = type(inner).model_fields
    return {fields[name].alias or name for name in read if name in fields}


def unread() -> Iterator[tuple[str, bytes, str]]:
    """Network, message and name of every column that no sample's translation reads."""
    kinds: dict[tuple[str, str], tuple[bytes, set[str], set[str]]] = {}
    for one in SAMPLES:
        inner = inner_of(NETWORKS[one.network].schema.model_validate_json(one.text))
        names = {field.alias or name for name, field in type(inner).model_fields.items()}
        text, read, all_ = kinds.setdefault((one.network, type(inner).__name__), (one.text, set(), set()))
        read |= fields_read(one.network, one.text)
        for name in names:  # an address is read only where there is no text
            message = orjson.loads(one.text)
            if message.pop(name, None) is not None:
                try:
                    read |= fields_read(one.network, orjson.dumps(message))
                except ValueError:
                    continue
        all_ |= names
    for (network, _), (text, read, all_) in kinds.items():
        yield from ((network, text, name) for name in sorted(all_ - read - {"kind"}))


UNREAD = list(unread())


def test_the_columns_that_no_translator_reads_are_known() -> None:
    assert {(network, name) for network, _, name in UNREAD} >= {
        ("hotline", "ActionTaken"),
        ("hotline", "Owner"),
        ("hotline", "Anonymous"),
        ("hotline", "ServiceDate"),
        ("petitions", "xfxs"),
    }


@pytest.mark.parametrize(("network", "text", "name"), UNREAD)
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_a_column_that_no_translator_reads_rejects_nothing(network: str, text: bytes, name: str, value: Any) -> None:
    message = orjson.loads(text)
    alone = report(network, orjson.dumps({key: kept for key, kept in message.items() if key != name}), listening())
    assert report(network, orjson.dumps(message | {name: value}), listening()) == alone


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_a_time_of_change_that_cannot_be_read_rejects_nothing(value: Any) -> None:
    assert report("hotline", REQUEST | {"UpdatedDate": value}).source_id == "1-1"


def test_a_column_that_is_only_kept_rejects_nothing() -> None:
    """The branch of a whistle goes to the extensions, whatever it is."""
    (one,) = [one for one in SAMPLES if one.network == "party-building"]
    for value in ("第一支部", 5, ["4109"], {"a": None}):
        made = report("party-building", orjson.dumps(orjson.loads(one.text) | {"branchCode": value}), listening())
        assert made.extensions["branchCode"] == value


def optional() -> Iterator[tuple[str, bytes, str]]:
    """Network, message and name of every optional field."""
    for one in SAMPLES:
        fields = type(inner_of(NETWORKS[one.network].schema.model_validate_json(one.text))).model_fields
        for name, field in fields.items():
            if not field.is_required() and name not in DRILL_MARKS:
                yield one.network, one.text, field.alias or name


@pytest.mark.parametrize(("network", "text", "name"), list(optional()))
def test_null_in_an_optional_field_is_an_absent_value(network: str, text: bytes, name: str) -> None:
    message = orjson.loads(text)
    without = orjson.dumps({key: kept for key, kept in message.items() if key != name})
    assert outcome(network, message | {name: None}, listening()) == outcome(network, without, listening())


@pytest.mark.parametrize(
    "oddity",
    [
        {"ServiceDate": "01/06/3020 12:00:00 AM"},
        {"ServiceDate": "2018-01-06T00:00:00.000"},
        {"ClosedDate": "01/04/2018 10:00:00 AM"},
        {"Latitude": None, "Longitude": None, "APC": None},
        {"Status": None},
        {"ActionTaken": None},
        {"UpdatedDate": None},
        {"ClosedDate": None},
        {"PolicePrecinct": None},
        {"Owner": None},
        {"NCName": None},
    ],
    ids=str,
)
def test_oddities_of_real_service_requests_are_read(oddity: dict[str, Any]) -> None:
    assert report("hotline", REQUEST | oddity).extensions == {}
