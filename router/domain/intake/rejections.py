"""Rejections of source records: one function for each cause, and the sentence that the network reads.

`REJECTION_CODES` in router/domain/model/rejection.py lists the codes. Terminals show the sentences and topics keep
them, so foreign text in a sentence is short and printable.
"""

from codecs import BOM_UTF8
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from router.domain.catalogue.code_tables import CodeTable
from router.domain.intake.error_wording import of_field, of_json
from router.domain.intake.foreign_formats import format_of, kind_of
from router.domain.model.rejection import Rejection, RejectionCode
from router.domain.model.source_record import UnreadableBatch
from router.domain.networks.schema.network import Draft, Network

MAX_FOREIGN = 40
"""Characters of one foreign text in a sentence."""
MAX_SENTENCE = 160
"""Characters of the validator's or parser's own message in a sentence."""
_OWN_ERRORS: dict[str, RejectionCode] = {"bad_time": "bad-time", "personal_data": "personal-data"}
"""Kind of error that a field type of ours raises -> code."""


def empty() -> Rejection:
    """Reject a record without a value. On a compacted topic it would be a tombstone."""
    return Rejection(code="empty", reason="the record has no value; send the report as a JSON object.")


def too_large(size: int, limit: int) -> Rejection:
    """Reject a value of `size` bytes, more than `limit`."""
    reason = f"the value has {size} bytes, more than {limit}; send photos by URL and hash, and keep texts short."
    return Rejection(code="too-large", reason=reason)


def unreadable_batch(batch: UnreadableBatch) -> Rejection:
    """Reject a batch that was not unpacked, with all its records."""
    reason = f"the compressed batch of {batch.span} {batch.why}, so none of its records is read; send them again in smaller batches."
    return Rejection(code="unreadable-batch", reason=reason)


def bad_charset(name: str, byte: int) -> Rejection:
    """Reject a value that is not in the charset of its header; the first wrong byte is at index `byte`."""
    reason = (
        f"the value is not {printable(name)} text (byte {byte}), although its header `content-type` names this "
        "charset; correct the bytes or the header."
    )
    return Rejection(code="bad-charset", reason=reason)


def other_charset(name: str) -> Rejection:
    """Reject a value that is UTF-8 although its header names another charset."""
    reason = (
        f"the header `content-type` names the charset {printable(name)}, but the value is UTF-8; correct the header."
    )
    return Rejection(code="bad-charset", reason=reason)


def unknown_charset(name: str) -> Rejection:
    """Reject a value whose header names a charset that the router does not read."""
    reason = (
        f"the header `content-type` names the charset {printable(name)!r}, which the router does not read; send UTF-8 "
        "without a charset, or charset=GB18030."
    )
    return Rejection(code="bad-charset", reason=reason)


def batch_of_events() -> Rejection:
    """Reject a batch of CloudEvents: one record is one event, whatever it carries."""
    reason = "the value is a batch of CloudEvents; send each event as a record of its own, with a key of its own."
    return Rejection(code="schema", reason=reason)


def other_event_format(media_type: str) -> Rejection:
    """Reject a CloudEvent in structured mode whose envelope is not JSON."""
    reason = (
        f"the header `content-type` names the CloudEvents format {printable(media_type)!r}, which the router does not read; "
        "send application/cloudevents+json, or its data alone."
    )
    return Rejection(code="not-json", reason=reason)


def empty_event() -> Rejection:
    """Reject a CloudEvent without data."""
    return Rejection(
        code="schema", reason="the value is a CloudEvent without `data`; send what it is about as its `data`."
    )


def bad_base64() -> Rejection:
    """Reject a CloudEvent whose `data_base64` cannot be decoded."""
    return Rejection(code="schema", reason="field `data_base64`: not Base64 text; send the JSON as `data` instead.")


def invalid(network: Network, value: bytes, error: ValidationError) -> Rejection:
    """Reject a value that breaks the network's schema."""
    hint = f"send it as schemas/reports/{network.name}.v1.json describes"
    return invalid_message(network.schema, network.id_field, hint, value, error)


def invalid_message(
    schema: type[BaseModel], id_field: str, hint: str, value: bytes, error: ValidationError
) -> Rejection:
    """Reject a value that breaks a schema. The sentence names the first error and counts the others.

    Args:
        schema: of the message.
        id_field: the field whose errors are `bad-id`.
        hint: what to do.
        value: JSON of the message.
        error: of the schema.
    """
    details = error.errors(include_url=False)
    first = details[0]
    if first["type"] == "json_invalid":
        return _not_json(value, first["msg"])
    fields = list(dict.fromkeys(_field(schema, detail) for detail in details))
    code = "bad-id" if fields[0] == id_field else _OWN_ERRORS.get(first["type"], "schema")
    kind = kind_of(value)
    if kind is not None:
        return Rejection(code=code, reason=f"the message is {kind}; {hint}.")
    where = f"field `{printable(fields[0])}`" if fields[0] else "the message"
    what = printable(of_field(first, value), MAX_SENTENCE)
    more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
    return Rejection(code=code, reason=f"{where}: {what}{more}; {hint}.", field=fields[0])


def _field(schema: type[BaseModel], detail: ErrorDetails) -> str:
    """The field of an error as the source spells it, `photos.0.url`; empty for the whole message.

    Pydantic puts the names of union members between the names of fields. The sender does not know them.
    """
    if detail["type"].startswith("union_tag_"):
        return str(detail["ctx"]["discriminator"]).strip("'")
    if detail["type"] == "extra_forbidden":
        return ".".join(map(str, detail["loc"]))
    names = _names(schema)
    return ".".join(str(part) for part in detail["loc"] if isinstance(part, int) or part in names)


@lru_cache(maxsize=64)
def _names(schema: type[BaseModel]) -> frozenset[str]:
    """Every field of a schema and of its nested models."""
    described = schema.model_json_schema()
    return frozenset(
        name for part in (described, *described.get("$defs", {}).values()) for name in part.get("properties", ())
    )


def _not_json(value: bytes, message: str) -> Rejection:
    foreign = format_of(value)
    try:
        value.decode()
    except UnicodeDecodeError as error:
        what = f"{foreign}, not UTF-8 text" if foreign else "not UTF-8 text"
        hint = "send JSON encoded as UTF-8" + (
            "" if foreign else ", or put charset=GB18030 into the header `content-type`"
        )
        return Rejection(code="not-utf8", reason=f"the value is {what} (byte {error.start}); {hint}.")
    if value.startswith(BOM_UTF8):
        reason = "the value is not JSON (it begins with a byte order mark); send it without this mark."
    elif foreign is not None:
        reason = f"the value is {foreign}, not JSON; send one JSON object in a record, encoded as UTF-8."
    else:
        what = printable(of_json(message), MAX_SENTENCE)
        reason = f"the value is not JSON ({what}); send one JSON object in a record."
    return Rejection(code="not-json", reason=reason)


def unknown_code(network: Network, draft: Draft, codes: CodeTable) -> Rejection:
    """Reject a report whose class is not in the city's code table for its network."""
    what, hint = code_doubt(network, draft, codes)
    return Rejection(code="unknown-code", reason=f"{what}; {hint}.")


def code_doubt(network: Network, draft: Draft, codes: CodeTable) -> tuple[str, str]:
    """Why a code table gives no matter for the class of a report, and what to do."""
    version = draft.code_version
    ambiguous = next(filter(codes.knows, draft.codes), None)
    if version is None and ambiguous is not None:
        what = f"code {printable(ambiguous)!r} means different matters in different versions of the code table, and the report names no version"
        hint = "send the version with the code"
    else:
        code, *wider = map(printable, draft.codes)
        of = "" if version is None else f" of version {printable(version)!r}"
        what = f"code {code!r}{of} is not in the code table{''.join(f', nor {one!r}' for one in wider)}"
        hint = f"add it to codes/{network.name}.csv of the city, or correct the source"
    return what, hint


def too_many_versions(limit: int) -> Rejection:
    """Reject a report that already has `limit` versions, the most that a case keeps."""
    reason = f"the network sent more than {limit} versions of the report; send new content under a new id."
    return Rejection(code="too-many-versions", reason=reason)


def wrong_key(key: bytes | None, source_id: str) -> Rejection:
    """Reject a record whose key is not the report's id: its versions may lie in several partitions."""
    found = "no key" if key is None else f"the key {printable(key[:200].decode('utf-8', 'replace'))!r}"
    reason = f"the record has {found}; send the report's id {printable(source_id)!r} as the key, or let `dead-letters redrive` set it."
    return Rejection(code="wrong-key", reason=reason)


def superseded_at_source(revised: str) -> Rejection:
    """Reject a version that its own source changed before `revised` (RFC 3339), the time of change of a known one."""
    reason = f"the source itself names a newer version of the report, changed at {revised}; leave this one, or send it with a later time of change."
    return Rejection(code="superseded", reason=reason)


def id_reused(received: str) -> Rejection:
    """Reject a correction of an incident whose id names another one by now, last received at `received` (RFC 3339)."""
    reason = f"the id names another incident since (received at {received}), and this record is about an earlier one; send it with a new id."
    return Rejection(code="id-reused", reason=reason)


def superseded(received: str) -> Rejection:
    """Reject a redriven record: the router received a newer version of the report at `received` (RFC 3339)."""
    reason = (
        f"the router received a newer version of the report at {received}; leave this one, or send it with a new id."
    )
    return Rejection(code="superseded", reason=reason)


def defect(network: Network, failure: Exception) -> Rejection:
    """Reject a record on which the translator itself failed."""
    reason = f"the translator of {network.name} failed ({type(failure).__name__}), which is a defect of the router; please report it."
    return Rejection(code="defect", reason=reason)


def printable(text: Any, limit: int = MAX_FOREIGN) -> str:
    """Foreign text, cut to `limit` characters. Every character that a terminal might obey is replaced."""
    cut = text if len(text) <= limit else text[:limit] + "…"
    return "".join(char if char.isprintable() else "�" for char in cut)
