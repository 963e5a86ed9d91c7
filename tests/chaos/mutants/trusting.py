"""A mutant that takes every stored offset, also of another program."""

import sys
from typing import Any

from router.stream import __main__
from router.wire.offset_check import OffsetCheck


def every(*_: Any) -> bool:
    return True


if __name__ == "__main__":
    OffsetCheck.__call__ = every
    sys.exit(__main__._run())
