"""Rejections of records on `grid.events`: a foreign record, a defect, or a report that comes too late for its case."""

from collections.abc import Callable

from msgspec import MsgspecError, ValidationError

from router.domain.intake.rejections import printable
from router.domain.model.erasure import Erasure
from router.domain.model.feedback import Feedback
from router.domain.model.rejection import Rejection
from router.domain.model.report import REPORTS_KEPT, Report, Tick
from router.domain.model.source_record import SourceRecord, UnreadableBatch
from router.domain.rules.rule_sets import RuleLookup, RuleSetError

_CAUSES: dict[type[Exception], str] = {
    RecursionError: "its value has too many nested brackets",
    UnicodeDecodeError: "its value is not UTF-8 text",
}


def not_an_event(why: str) -> Rejection:
    """Reject a record that is not an event of the router; `why` completes the sentence."""
    reason = f"not an event of the grid stream: {why}; only the router may write this topic, find out which program wrote the record."
    return Rejection(code="not-an-event", reason=reason)


def undecodable(record: SourceRecord, error: Exception) -> Rejection:
    """Reject a record that the codec cannot decode; `error` is what the codec raised."""
    return not_an_event(_cause(record, error))


def unpublished_rule_set(version: str) -> Rejection:
    """Reject a report that names a rule set which was never published."""
    return not_an_event(f"it names the rule set {printable(version)!r}, which was never published")


def unknown_sender(sender: str) -> Rejection:
    """Reject feedback of a sender that the city does not have."""
    return not_an_event(f"it names the sender {printable(sender)!r}, which is no department of the city")


def _cause(record: SourceRecord, error: Exception) -> str:
    if isinstance(record, UnreadableBatch):
        return f"the compressed batch of {record.span} {record.why}"
    if record.value is None:
        return "it has no value"
    if type(error) in _CAUSES:
        return _CAUSES[type(error)]
    if not isinstance(error, MsgspecError):
        types = [content for name, content in record.headers if name == "ce_type"]
        named = printable((types[0] or b"").decode("utf-8", "replace")) if types else ""
        return f"its header `ce_type` names {named!r}" if named else "it has no header `ce_type`"
    if not isinstance(error, ValidationError):
        return "its value is not JSON"
    mismatch = "its value does not match its `ce_type`"
    _, at, path = str(error).rpartition(" - at `$")
    field = printable(path.rstrip("`").lstrip(".")) if at else ""
    return f"{mismatch}, at `{field}`" if field else mismatch


def forgotten(report_id: str) -> Rejection:
    """Reject a report so old that it may be in a case which the router has archived and forgotten."""
    reason = (
        f"report {printable(report_id, 80)} is more than {REPORTS_KEPT.days} days old, and the router remembers ids no longer, so it may "
        "be in a case already; look for it in grid.archive, and if no case has it, redrive this dead letter: it then opens a case."
    )
    return Rejection(code="too-late", reason=reason)


def too_late(report_id: str) -> Rejection:
    """Reject a version of a report whose case is out of reach."""
    reason = (
        f"report {printable(report_id, 80)} is known, and the window of its case closed more than {REPORTS_KEPT.days} days ago; "
        "send what is still true as a report with a new id."
    )
    return Rejection(code="too-late", reason=reason)


def report_of_network(
    event: Report | Tick | Feedback | Erasure | None, rules: RuleLookup, topic_of: Callable[[str], str]
) -> Report | None:
    """The report of a rejected event, if a network of the city sent it: that network reads why. None for any other event.

    Args:
        event: as it was decoded; None for a record that is no event.
        rules: the rule sets; a report is of the networks of its own.
        topic_of: network -> the topic on which it sends. Another topic is no network's, whatever the event says.
    """
    if not isinstance(event, Report):
        return None
    try:
        networks = rules.of(event.rule_set).codes
    except RuleSetError:
        return None
    sent = event.network in networks and event.provenance.topic == topic_of(event.network)
    return event if sent else None
