"""Why a network's record cannot become a report: a stable code, and a sentence with the field and the hint.

    empty            no value                        schema          a field is missing, of another kind or out of range
    too-large        more bytes than a report has    bad-id          the source's own id is missing or malformed
    bad-charset      not in the charset it names     bad-time        no real time, or written in another way
    not-utf8         the bytes are no text           personal-data   a number of a person where a masked reference belongs
    not-json         the text is no JSON             unknown-code    the city's code table does not have the class
    superseded       redriven, newer is known    too-many-versions  more corrections than a case can keep
    defect           a translator failed: our fault

Sentences are shown in terminals and kept in topics, so foreign text in them is short and printable.
"""

from codecs import BOM_UTF8
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from router.domain.catalogue.code_tables import CodeTable
from router.domain.intake.error_wording import of_field, of_json
from router.domain.model.report import Rejection
from router.domain.networks.schema.network import Draft, Network

CODES = (
    "empty",
    "too-large",
    "bad-charset",
    "not-utf8",
    "not-json",
    "schema",
    "bad-id",
    "bad-time",
    "personal-data",
    "unknown-code",
    "too-many-versions",
    "superseded",
    "defect",
)
"""Every code there is; a metric label."""
MAX_FOREIGN = 40
MAX_SENTENCE = 160
_OWN_ERRORS = {"bad_time": "bad-time", "personal_data": "personal-data"}


def empty() -> Rejection:
    """No value: on a compacted topic it would be a tombstone."""
    return Rejection(code="empty", reason="the record has no value; send the report as a JSON object.")


def too_large(size: int, limit: int) -> Rejection:
    """More than `limit` bytes."""
    reason = f"the value has {size} bytes, more than {limit}; send photos by URL and hash, and keep texts short."
    return Rejection(code="too-large", reason=reason)


def bad_charset(name: str, byte: int) -> Rejection:
    """The bytes are not in the charset that the record's header names."""
    reason = f"the value is not {printable(name)} text (byte {byte}), as its header `content-type` says; correct the bytes or the header."
    return Rejection(code="bad-charset", reason=reason)


def other_charset(name: str) -> Rejection:
    """The record's header names a charset, but the bytes are UTF-8 throughout."""
    reason = (
        f"the header `content-type` names the charset {printable(name)}, but the value is UTF-8; correct the header."
    )
    return Rejection(code="bad-charset", reason=reason)


def unknown_charset(name: str) -> Rejection:
    """The record's header names a charset that the router does not read."""
    reason = f"the header `content-type` names the charset {printable(name)!r}; send UTF-8 without a charset, or charset=GB18030."
    return Rejection(code="bad-charset", reason=reason)


def invalid(network: Network, value: bytes, error: ValidationError) -> Rejection:
    """The value is not what the network's schema says; the first error is told, and how many more there are."""
    details = error.errors(include_url=False, include_input=False)
    first = details[0]
    if first["type"] == "json_invalid":
        return _no_json(value, first["msg"])
    fields = list(dict.fromkeys(_field(network.schema, detail) for detail in details))
    code = "bad-id" if fields[0] == network.id_field else _OWN_ERRORS.get(first["type"], "schema")
    place = f"field `{printable(fields[0])}`" if fields[0] else "the message"
    said = printable(of_field(first), MAX_SENTENCE)
    more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
    hint = f"send it as schemas/reports/{network.name}.v1.json describes"
    return Rejection(code=code, reason=f"{place}: {said}{more}; {hint}.")


def _field(schema: type[BaseModel], detail: ErrorDetails) -> str:
    """The field of an error as the source spells it, `photos.0.url`; empty: the whole message.

    Pydantic puts names of union members between the names of fields; they mean nothing to who sent the message.
    """
    if detail["type"].startswith("union_tag_"):
        return str(detail["ctx"]["discriminator"]).strip("'")
    names = _names(schema)
    return ".".join(str(part) for part in detail["loc"] if isinstance(part, int) or part in names)


@lru_cache(maxsize=64)
def _names(schema: type[BaseModel]) -> frozenset[str]:
    """Every field of a schema and of the models in it."""
    described = schema.model_json_schema()
    return frozenset(
        name for part in (described, *described.get("$defs", {}).values()) for name in part.get("properties", ())
    )


def _no_json(value: bytes, message: str) -> Rejection:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        hint = "send JSON encoded as UTF-8, or say charset=GB18030 in the header `content-type`"
        return Rejection(code="not-utf8", reason=f"the value is not UTF-8 text (byte {error.start}); {hint}.")
    if value.startswith(BOM_UTF8):
        reason = "the value is not JSON (it begins with a byte order mark); send it without this mark."
    elif b"\0" in value[:4]:  # JSON begins with two ASCII characters (RFC 4627, 3)
        reason = "the value is not JSON (zero bytes, as in UTF-16 or a binary format); send JSON encoded as UTF-8."
    else:
        said = printable(of_json(message), MAX_SENTENCE)
        reason = f"the value is not JSON ({said}); send one JSON object in a record."
    return Rejection(code="not-json", reason=reason)


def unknown_code(network: Network, draft: Draft, codes: CodeTable) -> Rejection:
    """No row of the code table holds for the report's class."""
    version = draft.code_version
    known = next(filter(codes.knows, draft.codes), None)
    if version is None and known is not None:
        what = f"code {printable(known)!r} means different matters in different versions of its table, and the report names none"
        hint = "send the version with the code"
    else:
        code, *wider = map(printable, draft.codes)
        of = "" if version is None else f" of version {printable(version)!r}"
        what = f"code {code!r}{of} is not in the code table{''.join(f', nor {one!r}' for one in wider)}"
        hint = f"add it to codes/{network.name}.csv of the city, or correct the source"
    return Rejection(code="unknown-code", reason=f"{what}; {hint}.")


def defect(network: Network, failure: Exception) -> Rejection:
    """The translator itself failed."""
    reason = f"the translator of {network.name} failed ({type(failure).__name__}), which is a defect of the router; please report it."
    return Rejection(code="defect", reason=reason)


def printable(text: Any, limit: int = MAX_FOREIGN) -> str:
    """Foreign text, shortened, every character that a terminal might obey replaced."""
    cut = text if len(text) <= limit else text[:limit] + "…"
    return "".join(char if char.isprintable() else "�" for char in cut)
