"""A mutant that forgets the reports of a partition that move to another one when the topic grows."""

import sys
from typing import Any

from router.stream import __main__
from router.stream.processors.normalise import NormaliseProcessor


async def nothing(*_: Any) -> list[tuple[bytes, bytes]]:
    return []


if __name__ == "__main__":
    NormaliseProcessor._moved = nothing
    sys.exit(__main__._run())
