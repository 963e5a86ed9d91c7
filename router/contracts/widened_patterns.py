"""Patterns of the router's input that a release widened: whatever matched the older one matches the newer one.

The comparison of schemas cannot compute this from two patterns. A test draws texts of each older pattern instead.
"""

from collections.abc import Mapping

_ZONED = (
    r"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{}[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.{})?({}|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)

WIDENED: Mapping[tuple[str, str], str] = {
    (
        _ZONED.format("T", "[0-9]{1,6}", "Z"),
        _ZONED.format("[Tt]", "[0-9]+", "[Zz]"),
    ): "times with any number of digits of a second, and with t and z in lower case (RFC 3339)",
}
"""Older and newer pattern -> what the newer one accepts too."""
