"""Which rule set a deployment begins with.

A publication without `effective_from` is an initial rule set: it holds from the beginning. Several workers may start at the
same time on an empty topic, and each publishes the rule set of its folder. So there may be several initial rule sets.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar


class Publication(Protocol):
    """A published rule set, as far as this decision needs it."""

    @property
    def version(self) -> str:
        """Of the rule set."""

    @property
    def effective_from(self) -> datetime | None:
        """Received time from which it holds; None: from the beginning."""


PublicationT = TypeVar("PublicationT", bound=Publication)


def initial_rule_sets(publications: Iterable[PublicationT]) -> list[PublicationT]:
    """The initial rule sets, the effective one first: the one that stands first in the log.

    Every worker decides the same, because all read the same log. A publication's own time does not count: another program
    could name any. A report may carry any of these versions.

    Args:
        publications: in the order of the log.
    """
    return [publication for publication in publications if publication.effective_from is None]


def must_publish_own(publications: Iterable[Publication]) -> bool:
    """Whether a worker publishes the rule set of its folder at start: when there is no initial rule set yet."""
    return not initial_rule_sets(publications)
