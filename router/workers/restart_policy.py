"""When the pool restarts a worker that ended by itself, and when it gives up."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When a worker that ended by itself is restarted, and when the pool gives up; times in seconds."""

    first_s: float = 0.5
    """Wait before the first restart; doubled after every further early exit."""
    most_s: float = 10.0
    healthy_s: float = 60.0
    """A worker that ran this long is not in a crash loop."""
    crashes: float = 5
    """The pool gives up after this many early exits in a row: a crash loop."""
    rejections: float = 2
    """The same for exits with code 2: the worker cannot run as things are."""

    def pause(self, exits: int) -> float:
        """Seconds to wait after `exits` early exits in a row."""
        return min(self.first_s * 2.0 ** min(exits - 1, 30), self.most_s)


ENDLESS = RestartPolicy(most_s=30.0, crashes=math.inf, rejections=math.inf)
"""The policy of a service: the cause may pass (an unreachable broker), so the pool never gives up."""
