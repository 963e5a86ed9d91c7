"""Closed lists of words that reports, cases and tasks share: roles, and the levels of OASIS CAP 1.2."""

from typing import Literal

Role = Literal["lead", "assist"]
"""What a department does for a case: it answers for it, or it helps."""
Status = Literal["Actual", "Exercise", "Test"]
"""OASIS CAP 1.2 `status`: drills and tests pass through everything and stay recognisable."""
Closing = Literal["closed", "cancelled"]
"""What a network says of an incident for which nothing is left to do: it was handled, or it was reported by mistake."""
Urgency = Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
"""OASIS CAP 1.2 `urgency`: how soon someone must act."""
Severity = Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
"""OASIS CAP 1.2 `severity`: how bad it is."""
Certainty = Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]
"""OASIS CAP 1.2 `certainty`: how sure the source is."""
ResolvedBy = Literal["code", "point", "nearest", "community", "fallback"]
"""How the cell was determined: the source's own valid code, the polygon that contains the point, the nearest cell to a point
outside all cells, the default cell of the community, or the default cell of the city."""
Datum = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]
"""In what a source draws its points. `cgcs2000` (EPSG:4490) and `wgs84` count as one; `gcj02` and `bd09` are the offset datums of
Chinese phone maps."""
BY_POINT: tuple[ResolvedBy, ...] = ("point", "nearest")
"""The point decided the cell. A point beside any other value lies outside every cell."""
PersonalNumber = Literal["identity-number", "phone-number"]
"""Numbers that are masked before anything is stored: a citizen identity number (GB 11643, 18 characters), a mobile or landline number."""
DataClass = Literal["public", "internal", "personal", "special"]
"""How private a field is, from the least: for everybody; for the city's offices; about a person; about health, need, faith and the
like (敏感个人信息)."""
TaskField = Literal["description", "address", "point", "media", "reports", "team"]
"""Fields of a task that a department may be denied. Without the others it could not act."""
