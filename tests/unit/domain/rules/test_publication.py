"""When a report's rule set will never come, and when it is only late."""

from router.domain.rules.publication import CERTAIN_AFTER_POLLS, never_published
from router.domain.rules.rule_sets import UnknownRuleSetError, UnreadableRuleSetError

UNKNOWN = UnknownRuleSetError("v")


def test_an_unknown_rule_set_may_come_until_two_polls_have_ended() -> None:
    assert [never_published("v", UNKNOWN, polls) for polls in (0, 1, 2, 3)] == [False, False, True, True]


def test_rules_that_cannot_be_read_are_never_unpublished() -> None:
    assert not never_published("v", UnreadableRuleSetError("v: disk full"), CERTAIN_AFTER_POLLS)


def test_a_rule_set_of_a_stored_case_is_only_late() -> None:
    assert not never_published("other", UNKNOWN, CERTAIN_AFTER_POLLS)
    assert not never_published("", UNKNOWN, CERTAIN_AFTER_POLLS)
