"""Which published rule set is in effect at an instant, for people who ask; a report asks `RuleSets` by its received time."""

from collections.abc import Sequence
from datetime import datetime

from router.domain.rules.bootstrap import PublicationT, initial_rule_sets


def in_effect(publications: Sequence[PublicationT], at: datetime) -> PublicationT | None:
    """The publication in effect at an instant; of two with the same start the later published. None without any.

    Args:
        publications: in the order of their publication.
        at: aware.
    """
    begun = [one for one in publications if one.effective_from is not None and one.effective_from <= at]
    if begun:
        return max(reversed(begun), key=lambda one: one.effective_from or at)
    return next(iter(initial_rule_sets(publications)), None)


def takes_effect(publications: Sequence[PublicationT], version: str, after: datetime) -> PublicationT | None:
    """The next publication of a version that takes effect after an instant; None when there is none."""
    later = [
        one
        for one in publications
        if one.version == version and one.effective_from is not None and one.effective_from > after
    ]
    return min(later, key=lambda one: one.effective_from or after, default=None)
