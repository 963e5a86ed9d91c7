"""Area and period of a finding, as text and as JSON."""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from router.cli.text.timestamps import stamp
from router.domain.catalogue.regions import Extent

SHOWN_AREAS = 6
"""Number of areas in a sentence. The JSON names all of them."""


def sentence(extent: Extent, zone: tzinfo) -> str:
    """`in 410902, 410922 from 2026-12-01 until 2027-02-28`: days of this zone, both inclusive. No date if unlimited."""
    shown = [area or "the whole city" for area in extent.areas[:SHOWN_AREAS]]
    more = len(extent.areas) - len(shown)
    where = f"in {', '.join(shown)}{f' and {more} more' if more else ''}"
    since = f" from {_day(extent.since, zone)}" if extent.since else ""
    until = f" until {_day(extent.until - timedelta(microseconds=1), zone)}" if extent.until else ""
    return f"{where}{since}{until}"


def _day(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).date().isoformat()


def as_json(extent: Extent) -> dict[str, Any]:
    """Areas, and the half-open period as instants in UTC; null means unlimited."""
    return {
        "areas": extent.areas,
        "since": stamp(extent.since) if extent.since else None,
        "until": stamp(extent.until) if extent.until else None,
    }
