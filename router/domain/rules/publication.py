"""When a report's rule set will never come, and when it is only late."""

from router.domain.rules.rule_sets import RuleSetError, UnknownRuleSetError

CERTAIN_AFTER_POLLS = 2
"""The router that stamped a report had read its rule set, so a poll that begins after the report was seen finds it. The first poll
that ends afterwards may have begun before; the second one did not."""


def never_published(report_version: str, error: RuleSetError, polls: int) -> bool:
    """Whether a report names a rule set that was never published.

    Rules that cannot be read may become readable. A rule set that a stored case names was published once, so it is only late.

    Args:
        report_version: the rule set that the report names; empty for a tick.
        error: what the look-up raised.
        polls: polls of the published rule sets that have ended since the rule set was first missed.
    """
    unknown = isinstance(error, UnknownRuleSetError) and str(error) == report_version
    return unknown and polls >= CERTAIN_AFTER_POLLS
