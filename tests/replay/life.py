"""The history of lives: a log of the grid stream through the fold, without Kafka, and what counts as a decision in it.

`decided` selects, as in `golden.py`, values in a fixed order, so that digests do not depend on the names of fields. Sentences, versions of rule
sets and the hashes of transitions are not decisions.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec

from router.domain.fold import fold
from router.domain.lifecycle.stages import stage_of
from router.domain.logic_version import LOGIC_VERSION
from router.domain.model.case import Assignment, Case
from router.domain.model.escalation import Escalation
from router.domain.model.feedback import Feedback
from router.domain.model.task import Task
from router.domain.model.transition import Transition
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.wire.codec import decode_event
from tests.replay.golden import DIGEST_BYTES, Golden, address, case_values, task_values
from tests.replay.life_city import rule_sets, rules
from tests.replay.life_counts import LifeCounts
from tests.replay.life_events import BLOCK, HISTORY, PARTITIONS, Logged
from tests.support.outcomes import Folded, folded

Values = tuple[Any, ...]
_encode = msgspec.json.Encoder().encode


class Life:
    """The fold of all partitions.

    Args:
        known: the rule sets.
    """

    def __init__(self, known: RuleSets) -> None:
        self.states = [PartitionState() for _ in range(PARTITIONS)]
        self.cases: dict[str, Case] = {}
        """Every case by its id: as it is now."""
        self.counts = LifeCounts()
        self._rules = known

    def fold(self, record: Logged) -> Folded:
        """Fold the next record of the log."""
        state, event = self.states[record.partition], decode_event(record.headers, record.value)
        case = state.case_of_task(event.task) if isinstance(event, Feedback) else None
        routed_for = None if case is None else case.routed_for
        outcome = folded(fold(state, event, self._rules))
        self.cases |= {case.id: case for case in outcome.cases}
        self.counts.note(event, outcome, opens_elsewhere=routed_for is not None)
        return outcome


def replay(log: Sequence[Logged], full: Path | None = None) -> Golden:
    """Fold a whole log by today's code and data.

    Args:
        log: of the grid stream.
        full: folder for a file with everything that is decided, a line each; None: none is written.
    """
    life = Life(rule_sets())
    digests = [blake2b(digest_size=DIGEST_BYTES) for _ in range(0, len(log), BLOCK)]
    with nullcontext(BytesIO()) if full is None else (full / f"{HISTORY}.jsonl").open("wb") as lines:
        for number, record in enumerate(log):
            for values in decided(record, life.fold(record)):
                line = _encode(values)
                digests[number // BLOCK].update(line)
                lines.write(b"%d %s\n" % (number, line))
    cases = blake2b(digest_size=DIGEST_BYTES)
    for _, case in sorted(life.cases.items()):
        cases.update(_encode(_case(case)))
    return Golden(
        logic_version=LOGIC_VERSION,
        rules=rules(),
        records=len(log),
        counts=life.counts.summary(life.cases.values()),
        blocks=tuple([one.hexdigest() for one in digests]),
        cases=cases.hexdigest(),
    )


def decided(record: Logged, outcome: Folded) -> Iterator[Values]:
    """Everything that was decided about one record."""
    yield record.partition, outcome.decision
    for case in outcome.cases:
        yield "case", *_case(case)
    for gone in outcome.archived:
        yield "archived", gone.at, *_case(gone.case)
    for task in outcome.tasks:
        yield "task", *_task(task)
    for made in outcome.transitions:
        yield "transition", *_transition(made)
    for sent in outcome.escalations:
        yield "escalation", *_escalation(sent)
    for one in outcome.rejected:
        yield "rejected", one.feedback.sender, one.feedback.id, one.rejection.code, one.rejection.legal


def _case(case: Case) -> Values:
    routed = case.routed_for
    return (
        *case_values(case),
        *(case.closed_at, case.transitions, case.partition_key),
        None if routed is None else (routed.matter, routed.cell),
        [_life(one) for one in case.assignments],
        [(one.sender, one.id, one.rejected, one.at, one.until) for one in case.answers],
        [None if one.says is None or one.says.erased is None else one.says.erased.at for one in case.reports],
    )


def _life(one: Assignment) -> Values:
    return (
        *(stage_of(one), one.stage, one.stage_at, one.resumes, one.limit, one.extensions, one.asked),
        [(pause.since, pause.until) for pause in one.pauses],
        *(one.final, one.arbitrates, one.supervised_at, one.wait_until, one.wait_provisional),
        *(one.timer_at, one.timer_provisional, sorted(one.sent), one.round, one.step_waits),
        _milestones(one),
    )


def _milestones(one: Assignment | Task) -> Sequence[Values]:
    return [(part.id, part.due_at, part.due_provisional, part.done_at) for part in one.milestones]


def _task(task: Task) -> Values:
    return (
        *task_values(task, 0),
        *(task.stage, task.final, task.arbitrates, task.returns, task.supervised_at, task.erased_at),
        *(task.networks, task.withheld, task.reports_omitted, [one.id for one in task.reports]),
        [(one.department, one.role, one.unit) for one in task.team],
        _milestones(task),
    )


def _transition(one: Transition) -> Values:
    return (
        *(one.case, one.number, one.task, one.department, one.begin, one.to, one.at, one.cause),
        *(*address(one.provenance), one.kind, one.actor, one.sender, one.milestone, one.rule, one.erased),
    )


def _escalation(one: Escalation) -> Values:
    return (
        *(one.id, one.kind, one.case, one.task, one.department, one.unit, one.role, one.ladder, one.step, one.round),
        *(one.at, one.sent_at, one.due_at, one.due_provisional, one.stage, one.waiting, one.milestone),
        *(one.authority, one.area, one.late, one.settled, one.status, one.urgency, one.severity),
    )
