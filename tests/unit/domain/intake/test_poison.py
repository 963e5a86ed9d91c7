"""The poison collection through the translators: each record is rejected with a reason for people, or accepted as it says."""

import re
import unicodedata
from collections import Counter
from dataclasses import replace

import pytest

from router.domain.model.rejection import REJECTION_CODES, Rejection
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.wire.codec import decode_event, encode_report
from tests.support.poison import POISON, Poison, city
from tests.support.poison.outcome import become
from tests.support.poison.page import table
from tests.support.records import as_read
from tests.support.repository import ROOT

PAGE = ROOT / "docs" / "explanation" / "poison.md"
LONGEST = 400
"""Characters of a reason: three lines of a terminal."""
JARGON = re.compile(
    r"[Tt]raceback|[A-Z][a-z]+Error|[Ee]xception|pydantic|msgspec|jiter|[Ss]truct\b|[Vv]alidat|codec|\bEOF\b|\bNone\b"
    r"|\bident\b|`(str|int|float|bool|object|array|null)`|[Ii]nput should|recursion|0x[0-9a-f]"
)
"""Words of our libraries and of Python, which mean nothing to who sent a message."""


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> City:
    """A city that hears all networks."""
    return city.load(tmp_path_factory.mktemp("poison"))


@pytest.fixture(scope="module")
def outcomes(hearing: City) -> list[tuple[Poison, Report | Rejection]]:
    return become(POISON, hearing)


@pytest.fixture(scope="module")
def reasons(outcomes: list[tuple[Poison, Report | Rejection]]) -> dict[str, str]:
    """Name of the record -> why it was rejected."""
    return {one.name: became.reason for one, became in outcomes if isinstance(became, Rejection)}


# The collection


def test_the_collection_has_over_1000_different_bad_records() -> None:
    contents = Counter((one.network, one.value, one.key, one.headers) for one in POISON)
    assert [(network, str(value)[:99]) for (network, value, _, _), count in contents.items() if count > 1] == []
    assert len({one.name for one in POISON}) == len(POISON)
    assert len({(one.network, one.value) for one in POISON if one.codes}) >= 1000
    assert len({(one.network, one.value) for one in POISON if not one.codes}) >= 200


def test_the_collection_covers_every_network_and_every_code() -> None:
    assert {one.network for one in POISON if one.codes} == set(NETWORKS)
    assert {one.network for one in POISON if not one.codes} == set(NETWORKS)
    of_several = {"too-many-versions", "superseded", "id-reused", "too-late", "defect", "not-an-event"}
    of_several |= {"unreadable-batch", "case-full"}
    assert set().union(*(one.codes for one in POISON)) == set(REJECTION_CODES) - of_several


def test_names_are_printable_and_every_acceptance_has_a_reason() -> None:
    for one in POISON:
        assert one.name.isprintable(), one.name
        assert len(one.name) < 90, one.name
        assert bool(one.codes) != bool(one.why), one.name
        assert not one.why or len(one.why.split()) >= 4, one.name


# What becomes of it


def test_each_record_becomes_the_expected_report_or_rejection(
    outcomes: list[tuple[Poison, Report | Rejection]],
) -> None:
    assert len(outcomes) == len(POISON)
    wrong = []
    for one, became in outcomes:
        code = became.code if isinstance(became, Rejection) else "accepted"
        if code not in (one.codes or {"accepted"}):
            wrong.append(f"{one.name}: {code}, not {sorted(one.codes) or 'accepted'}")
    assert wrong == []


def test_accepted_records_have_different_report_ids(outcomes: list[tuple[Poison, Report | Rejection]]) -> None:
    ids = Counter(became.id for _, became in outcomes if isinstance(became, Report))
    assert [id_ for id_, times in ids.items() if times > 1] == []


def test_every_accepted_report_survives_the_codec(outcomes: list[tuple[Poison, Report | Rejection]]) -> None:
    for _, became in outcomes:
        if isinstance(became, Report):
            _, value, headers = encode_report(became)
            assert decode_event(headers, value) == as_read(became)


def test_a_place_outside_the_city_has_a_doubt_and_no_point(
    outcomes: list[tuple[Poison, Report | Rejection]],
) -> None:
    found = [
        (one, became.location)
        for one, became in outcomes
        if one.kind.startswith("places") and isinstance(became, Report)
    ]
    assert len(found) >= 60
    for one, location in found:
        assert location.doubt, one.name
        assert location.lon is None, one.name
        assert location.resolved_by in {"code", "community", "fallback"}, one.name


def test_hostile_text_is_kept_unchanged(outcomes: list[tuple[Poison, Report | Rejection]]) -> None:
    kept = {one.name: became for one, became in outcomes if one.kind == "hostile text" and isinstance(became, Report)}
    assert kept["policing: SQL in a text"].description == "'; DROP TABLE cases; --"
    assert kept["policing: a NUL in a text"].description == "a\x00b"
    assert kept["policing: a right-to-left override in a text"].description == "invoice\u202egpj.exe"


def test_the_page_contains_the_generated_table(
    outcomes: list[tuple[Poison, Report | Rejection]],
) -> None:
    assert table(outcomes) in PAGE.read_text("utf-8"), "run `python -m tests.support.poison.page` and paste it"


# Reasons


def test_no_reason_contains_control_or_invisible_characters(reasons: dict[str, str]) -> None:
    for name, reason in reasons.items():
        assert reason.isprintable(), name
        assert [char for char in reason if unicodedata.category(char)[0] == "C"] == [], name


def test_a_reason_is_one_short_sentence_with_a_hint(reasons: dict[str, str]) -> None:
    for name, reason in reasons.items():
        assert len(reason) <= LONGEST, name
        assert reason.endswith("."), (name, reason)
        assert re.search(r"; (send|correct|add|keep)", reason), (name, reason)
        assert re.match(r"the (value|message|record|header)\b|field `|code ['\"]", reason), (name, reason)


def test_no_reason_names_a_library(reasons: dict[str, str]) -> None:
    foreign = ("code '", 'code "')  # the sender's own word, quoted
    spoken = {name: said for name, said in reasons.items() if not said.startswith(foreign) and JARGON.search(said)}
    assert spoken == {}


def test_a_reason_quotes_no_more_than_a_few_dozen_characters(reasons: dict[str, str]) -> None:
    for name, reason in reasons.items():
        assert not re.search(r"(.)\1{60}", reason), (name, reason)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "policing: point swapped",
            (
                "field `wd`: more than 90 (perhaps longitude and latitude are swapped); "
                "send it as schemas/reports/policing.v1.json describes."
            ),
        ),
        (
            "policing: time with second 60",
            (
                "field `bjsj`: not a real time of the years 1970 to 2199 in the form 20180101000009; "
                "send it as schemas/reports/policing.v1.json describes."
            ),
        ),
        (
            "policing: before UTF-8",
            "the value is not JSON (it begins with a byte order mark); send it without this mark.",
        ),
        (
            "policing: UTF-8, but it is GB 18030",
            (
                "the value is not UTF-8 text (byte 251); "
                "send JSON encoded as UTF-8, or put charset=GB18030 into the header `content-type`."
            ),
        ),
        (
            "policing: GB18030, but it is UTF-8",
            "the header `content-type` names the charset gb18030, but the value is UTF-8; correct the header.",
        ),
        (
            "policing: the prefix of a schema registry",
            (
                "the value is Avro or Protobuf with the id of a schema registry, not JSON; "
                "send one JSON object in a record, encoded as UTF-8."
            ),
        ),
        (
            "policing: 100,000 brackets",
            (
                "the value is not JSON (more than 200 nested brackets at line 1 column 202); "
                "send one JSON object in a record."
            ),
        ),
        (
            "governance: `grid_code` of one digit more",
            (
                "field `grid_code`: not in the required form, 15 or 14 digits; "
                "send it as schemas/reports/governance.v1.json describes."
            ),
        ),
        (
            "hotline: id with an escape sequence",
            (
                "field `SRNumber`: not in the required form, 1 to 64 printable ASCII characters without spaces; "
                "send it as schemas/reports/hotline.v1.json describes."
            ),
        ),
        (
            "hotline: ANSI that sets the title for a request type",
            "code '�]0;owned�' is not in the code table; add it to codes/hotline.csv of the city, or correct the source.",
        ),
    ],
)
def test_typical_reasons_read_exactly_so(name: str, reason: str, reasons: dict[str, str]) -> None:
    assert reasons[name] == reason


@pytest.mark.parametrize("text", ["火灾", "火", "联通", "电力设施损坏", "𠮷", "Straße"])
def test_real_gb18030_is_never_taken_for_utf8(text: str, hearing: City) -> None:
    (alarm,) = [one for one in POISON if one.name == "policing: GB18030, which it is"]
    assert alarm.value is not None
    value = alarm.value.decode("gb18030").replace("胜利路口两车相撞, 无人受伤", text).encode("gb18030")
    ((_, became),) = become([Poison(**{**_fields(alarm), "value": value})], hearing)
    assert isinstance(became, Report)
    assert became.description == text


def _fields(one: Poison) -> dict[str, object]:
    return {name: getattr(one, name) for name in Poison.__struct_fields__}


def test_without_a_code_table_every_class_is_unknown(hearing: City) -> None:
    deaf = replace(hearing, codes={})
    sound = [one for one in POISON if not one.codes][:20]
    assert {became.code for _, became in become(sound, deaf) if isinstance(became, Rejection)} == {"unknown-code"}
