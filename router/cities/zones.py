"""Time zones of the locked package `tzdata`, the same on every machine.

By default `zoneinfo` prefers the machine's own tz database, whose version differs by machine. Workers would then compute different
deadlines from one rule set. So importing this module makes `zoneinfo` read the package only, for the whole process.
"""

import zoneinfo
from zoneinfo import ZoneInfo

zoneinfo.reset_tzpath(to=())
ZoneInfo.clear_cache()  # of zones that the machine's database gave before


def read_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name such as Asia/Shanghai.

    Raises:
        KeyError, ValueError, OSError: there is no such zone; the first one is `ZoneInfoNotFoundError`.
    """
    return ZoneInfo(name)
