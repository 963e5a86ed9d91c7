"""Patterns of the router's input that a release widened: whatever matched the older one matches the newer one.

The comparison of schemas cannot compute this from two patterns. A test draws texts of each older pattern instead.
"""

from collections.abc import Mapping

from router.domain.calendar.limits import LIMIT_PATTERN

_ZONED = (
    r"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{}[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.{})?({}|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_LATITUDE = r"-?(0?[0-8]?[0-9](\.[0-9]{0})?|0?90(\.0{0})?)"
_LONGITUDE = r"-?((0?[0-9]{{1,2}}|1[0-7][0-9])(\.[0-9]{0})?|180(\.0{0})?)"

WIDENED: Mapping[tuple[str, str], str] = {
    (
        _ZONED.format("T", "[0-9]{1,6}", "Z"),
        _ZONED.format("[Tt]", "[0-9]+", "[Zz]"),
    ): "times with any number of digits of a second, and with t and z in lower case (RFC 3339)",
    ("^([1-9][0-9]{0,4})([hd])$", f"^({LIMIT_PATTERN})$"): "limits in working time, and limits of 0",
    **{
        (
            f"^({degrees.format('{1,17}')})?$",
            rf"^[ \t]*({degrees.format('+')})?[ \t]*$",
        ): "degrees with any number of decimals, and with blanks around them"
        for degrees in (_LATITUDE, _LONGITUDE)
    },
}
"""Older and newer pattern -> what the newer one accepts too."""
