"""Which incident a source id names. Numbers begin again each year or each day, so an id alone does not say it.

An incident cannot be reported before it happens. So a record about something that happened after the version before it was
received is about another incident. Docs: docs/explanation/updates.md and docs/adr/0013-identity-of-a-report.md.
"""

from datetime import datetime, timedelta

TOLERANCE = timedelta(hours=1)
"""How far the clocks of networks may be off. A wall time without a zone is doubtful by an hour once a year."""
INCIDENT_MARK = "@"
"""In a report id, behind the network. The name of a network never contains it."""


def is_another_incident(
    occurred_at: datetime, received_at: datetime, *, known_occurred_at: datetime, known_received_at: datetime
) -> bool:
    """Whether a record with a known id is about another incident than the version before it.

    An occurrence after the record's own receipt is a typing error, not another incident.

    Args:
        occurred_at: of the record.
        received_at: of the record.
        known_occurred_at: of the version before.
        known_received_at: of the version before.
    """
    return (
        occurred_at - TOLERANCE > known_received_at
        and occurred_at - TOLERANCE > known_occurred_at
        and occurred_at - TOLERANCE <= received_at
        and received_at - TOLERANCE > known_received_at
    )


def incident_id(network: str, source_id: str, since: datetime | None) -> str:
    """The id of a report.

    Args:
        network: name of the network.
        source_id: the source's own id.
        since: when the first record of the incident was received, if its source id had named another incident before.
    """
    if since is None:
        return f"{network}:{source_id}"
    return f"{network}{INCIDENT_MARK}{since:%Y%m%dT%H%M%SZ}:{source_id}"


def first_incident_id(report_id: str) -> str | None:
    """The id of the first incident with the same source id; None if this is it."""
    network, _, source_id = report_id.partition(":")
    if INCIDENT_MARK not in network:
        return None
    return f"{network.partition(INCIDENT_MARK)[0]}:{source_id}"
