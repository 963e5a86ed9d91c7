"""Fields of every network with values of another type, without a value, or with too much; unknown fields."""

from collections.abc import Iterator
from typing import Any

from router.domain.networks.registry import NETWORKS
from tests.support.poison.record import SCHEMA, Poison, accepted, fields_of, rejected, sound, with_text

KIND = "a field of the wrong kind"
ABSENT = "a field that is missing, null or empty"
EXTRA = "unknown fields"
LONG = "too long or too many"
WORDS = "a word that is not in the list"
PERSONAL = "numbers of persons"

OBJECTS = {"position", "location"}
"""Fields that are objects themselves."""
REQUIRED = {
    "policing": ("jjdbh", "bjlxdm", "bjsj"),
    "urban-management": ("taskNum", "codeVersion", "reportTime"),
    "environment": ("kind", "id", "category", "reportedAt"),
    "social-security": ("id", "matterCode", "communityCode", "reportedAt"),
    "hotline": ("SRNumber", "CreatedDate", "RequestType"),
    "party-building": ("whistleId", "matterCode", "communityCode", "raisedAt"),
    "work-safety": ("YHBH", "YHDM", "ZYWG", "SBSJ"),
    "governance": ("event_no", "event_type", "grid_code", "report_time"),
    "enforcement": ("clueNo", "causeCode", "gridCode", "registerTime"),
    "petitions": ("xfjbh", "nrfldm", "wtsddm", "djsj"),
    "mediation": ("dispute_no", "dispute_type", "community_code", "accepted_at"),
    "litigation-services": ("caseNo", "serviceCode", "defendantCommunity", "filedAt"),
}
"""Required fields, taken from docs/reference/report-fields.md and the tests of the networks."""
CLOSED = {
    "policing": ("jqdj", "csbz"),
    "urban-management": ("channel", "status"),
    "environment": ("status",),
    "social-security": ("level", "status"),
    "party-building": ("level", "status"),
    "work-safety": ("YHJB", "YHLY", "YLBZ"),
    "governance": ("event_scale", "urgent_degree", "found_by", "data_kind"),
    "enforcement": ("clueSource", "degree", "status"),
    "petitions": ("jjcd",),
    "mediation": ("risk_level",),
    "litigation-services": ("priority",),
}
"""Fields with a closed list of words."""
PERSONS = {
    "policing": "bjrbs",
    "urban-management": "reporterRef",
    "environment": "complainantRef",
    "social-security": "personRef",
    "party-building": "raisedBy",
    "work-safety": "JCRBS",
    "governance": "gridman_ref",
    "enforcement": "partyRef",
    "petitions": "xfrbs",
    "mediation": "mediator_ref",
    "litigation-services": "defendantRef",
}
UNREAD = {
    "cap": {"scope"},
    "hotline": {"UpdatedDate", "ActionTaken", "Owner", "Status", "Anonymous", "ServiceDate", "ClosedDate"},
    "petitions": {"xfxs"},
    "party-building": {"branchCode"},
}
"""Fields that the schema names and no translator reads, or that it only keeps as they came."""
TEXTS = {
    "policing": "bjnr",
    "urban-management": "description",
    "environment": "content",
    "social-security": "content",
    "party-building": "content",
    "work-safety": "YHMS",
    "governance": "content",
    "enforcement": "facts",
    "petitions": "gynr",
    "mediation": "summary",
    "litigation-services": "summary",
}
"""Field with free text of up to 4,000 characters."""


def kinds() -> Iterator[Poison]:
    """No network has a boolean field, and only a few fields are objects."""
    unread = "the router does not read the field, so nothing in it rejects a report"
    for network in NETWORKS:
        for field in fields_of(network):
            for name, wrong in (("true", True), ("an object", [[1]] if field in OBJECTS else {"a": [1]})):
                title = f"`{field}` is {'a list' if field in OBJECTS and name != 'true' else name}"
                if field in UNREAD.get(network, ()):
                    yield accepted(KIND, title, unread, sound(network, title, **{field: wrong}), network)
                    continue
                yield rejected(KIND, title, SCHEMA, sound(network, title, **{field: wrong}), network)


def absent() -> Iterator[Poison]:
    """Required fields left out and null; optional ones empty."""
    for network, fields in REQUIRED.items():
        for field in fields:
            for name, nothing in (("is missing", ...), ("is null", None), ("is empty", "")):
                title = f"`{field}` {name}"
                yield rejected(ABSENT, title, SCHEMA, sound(network, title, **{field: nothing}), network)
    why = "the field is optional, and many systems write null or an empty text for it"
    for network, field in PERSONS.items():
        for name, nothing in (("missing", ...), ("null", None), ("empty", "")):
            title = f"`{field}` is {name}"
            yield accepted(ABSENT, title, why, sound(network, title, **{field: nothing}), network)


def extra() -> Iterator[Poison]:
    """Fields that no schema names are kept in the report's extensions."""
    why = "kept unchanged in the report's extensions"
    for network in NETWORKS:
        message = sound(network, "unknown", 备注="未知字段", nested={"a": [1, {"b": None}]})
        yield accepted(EXTRA, "unknown fields", why, message, network)
    for name, field in {
        "a name of Python's": "__class__",
        "a name of JavaScript's": "__proto__",
        "the empty name": "",
        "a name of control characters": "\x1b[2J\x00\u202e",
        "a name of 10,000 letters": "n" * 10_000,
        "a name of Mongo's": "$where",
        "the router's own extension": "grid-wall-time",
    }.items():
        yield accepted(EXTRA, name, why, sound("policing", name, **{field: "x"}))
    many = sound("policing", "many", **{f"f{number}": number for number in range(10_000)})
    yield accepted(EXTRA, "10,000 of them", why, many)
    yield accepted(EXTRA, "one of 200,000 letters", why, sound("policing", "long", note="n" * 200_000))
    for name, text in {"a list of 50,000 zeros": "[" + "0," * 49_999 + "0]", "half a million blanks": ""}.items():
        value = with_text("policing", name, "x", text or "1" + " " * 500_000)
        if text:
            yield accepted(EXTRA, name, why, value)
        else:
            yield rejected(EXTRA, name, "too-large", value)
    hidden = "a field in other letters is an unknown one, and the field itself is missing"
    for network in ("policing", "hotline"):
        field = REQUIRED[network][0]
        message = sound(network, hidden, **{field: ..., field.upper() + " ": "J1"})
        yield rejected(EXTRA, f"`{field}` in other letters", "bad-id", message, network)


def long() -> Iterator[Poison]:
    """Values longer than a field may be."""
    for network, field in TEXTS.items():
        title = f"`{field}` of 4,001 characters"
        yield rejected(LONG, title, "schema", sound(network, title, **{field: "字" * 4001}), network)
        full = f"`{field}` of 4,000 characters"
        why = "4,000 characters are allowed"
        yield accepted(LONG, full, why, sound(network, full, **{field: "字" * 4000}), network)
    photo = {"url": "https://photos.example.org/1.jpg", "sha256": "0" * 64}
    many: dict[str, Any] = {
        "21 photos": [photo] * 21,
        "1,000 photos": [photo] * 1000,
        "a photo in the message": [{"url": "data:image/png;base64,AAAA", "sha256": "0" * 64}],
        "a photo by a file's name": [{"url": "file:///etc/passwd", "sha256": "0" * 64}],
        "a photo by a script": [{"url": "javascript:alert(1)", "sha256": "0" * 64}],
        "a photo with a line break in its address": [{"url": "https://a.example/\r\nX: y", "sha256": "0" * 64}],
        "a photo without hash": [{"url": "https://a.example/1.jpg"}],
        "a photo with a hash in capitals": [photo | {"sha256": "A" * 64}],
        "a photo that is text": ["https://a.example/1.jpg"],
    }
    for name, photos in many.items():
        yield rejected(LONG, name, "schema", sound("urban-management", name, photos=photos), "urban-management")
    parties = [{"role": "applicant", "ref": f"p-{number}"} for number in range(51)]
    yield rejected(LONG, "51 parties", "schema", sound("mediation", "parties", parties=parties), "mediation")


def words() -> Iterator[Poison]:
    """A closed list, and a word that is not on it."""
    for network, fields in CLOSED.items():
        for field in fields:
            title = f"`{field}` is no word of its list"
            yield rejected(WORDS, title, "schema", sound(network, title, **{field: "\x1b[31m<b>?"}), network)
    for network, field in {"environment": "kind", "enforcement": "location"}.items():
        wrong: Any = "telegram" if field == "kind" else {"type": "Polygon", "coordinates": [[[115.1, 35.8]]]}
        yield rejected(WORDS, f"`{field}` of another type", "schema", sound(network, field, **{field: wrong}), network)


def persons() -> Iterator[Poison]:
    """A number of a person in the place of a masked reference."""
    for network, field in PERSONS.items():
        for name, number in (("a mobile number", "13812345678"), ("an identity number", "41090219800101123X")):
            title = f"`{field}` is {name}"
            yield rejected(PERSONAL, title, "personal-data", sound(network, title, **{field: number}), network)
