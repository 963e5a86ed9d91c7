"""Sentences about a deadline: which windows and days count, which do not, and why."""

from collections.abc import Iterator
from datetime import datetime, tzinfo

from router.cli.text.sanitize import sanitize
from router.domain.calendar.deadlines import DeadlineExplanation, Span
from router.domain.explanation.wording import SPANS


def deadline_lines(explained: DeadlineExplanation, zone: tzinfo) -> Iterator[str]:
    """A line for each span, and one for the calendar. Calendar hours need no explanation.

    Args:
        explained: the deadline.
        zone: of the city, for the wall times.
    """
    if explained.calendar is None:
        return
    for span in explained.spans:
        yield f"{_when(span, zone)}: {_what(span)}"
    unpublished = sorted(
        {year for span in explained.spans if span.provisional for year in (span.first.year, span.last.year)}
    )
    years = f"{' and '.join(map(str, unpublished))} {'is' if len(unpublished) == 1 else 'are'}"
    why = f"; provisional, because {years} not published" if explained.provisional else ""
    yield f"calendar {explained.calendar}{why}"


def wall_time(at: datetime) -> str:
    """A wall time to the minute, or to the second if it is none of a whole minute."""
    return f"{at:%H:%M:%S}" if at.second or at.microsecond else f"{at:%H:%M}"


def _when(span: Span, zone: tzinfo) -> str:
    if span.since is not None and span.until is not None:
        until = span.until.astimezone(zone)
        end = "24:00" if until.date() > span.first else wall_time(until)
        return f"{span.first} {wall_time(span.since.astimezone(zone))}-{end}"
    return f"{span.first}" if span.first == span.last else f"{span.first} to {span.last}"


def _what(span: Span) -> str:
    said = SPANS[span.why].en
    if span.since is not None:
        minutes, seconds = divmod(span.seconds, 60)
        said += f", {minutes // 60:.0f} h {minutes % 60:02.0f} min" + (f" {seconds:g} s" if seconds else "")
    elif span.days > 1:
        said += f", {span.days} days"
    if span.name:
        said += f" ({sanitize(span.name)})"
    return said + (", by the weekly pattern" if span.provisional else "")
