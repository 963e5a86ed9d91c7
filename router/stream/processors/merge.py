"""Stage 2: the fold of one partition of the grid stream into cases and tasks; its state is restored from `grid.cases`."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from aiokafka import TopicPartition
from msgspec.structs import replace

from router.domain.fold import fold
from router.domain.intake.event_rejections import undecodable, unknown_sender, unpublished_rule_set
from router.domain.intake.rejections import printable
from router.domain.model.case import Case
from router.domain.model.erasure import Erasure
from router.domain.model.feedback import Feedback
from router.domain.model.outcome import Outcome
from router.domain.model.rejection import RejectedEventError, Rejection
from router.domain.model.report import Report, Tick
from router.domain.rules.publication import never_published
from router.domain.rules.rule_sets import RuleSetError, RuleSets, UnknownRuleSetError
from router.domain.state.log_clock import LogClock
from router.domain.state.partition_state import PartitionState
from router.kafka.record_batches import Writer
from router.stream.engine.changelog_reader import ChangelogReader, replaced
from router.stream.engine.processor import (
    POISON_EVENT,
    Counted,
    NotReadyError,
    PoisonError,
    Record,
    UnreadableStateError,
)
from router.stream.engine.state_copy import StateCopy, Values
from router.stream.engine.stored_offset import StoredOffsets
from router.stream.processors.clock import Clock
from router.stream.processors.outputs import NOT_TRACED, BatchOutputs
from router.stream.processors.rejected_events import NO_EVENT, ROUTER, Rejected, event_of, is_sender
from router.tracing.carrying import CARRYING, BatchTraces, Tracing
from router.wire.codec import (
    EVENT_HEADERS,
    UNREADABLE,
    decode_case,
    decode_event,
    encode_tick,
    is_row,
    is_tick,
)
from router.wire.metrics import Metrics
from router.wire.offset_signing import NO_KEYS, OffsetKeys
from router.wire.stored_offsets import StoredOffset
from router.wire.topic_names import Names

LONGEST_ID = 100
"""Characters of an id in a log line."""
TICK_PAUSE = timedelta(minutes=1)
"""No tick is written for so long after one became a dead letter. The next one would probably fail, too, without end."""


def _case(changelog: TopicPartition, key: bytes, value: bytes) -> Case:
    """Decode a case that the router wrote. Raises UnreadableStateError: without the case the partition would open it a second time."""
    try:
        return decode_case(value)
    except UNREADABLE as error:
        where = f"{changelog.topic}/{changelog.partition}, key {printable(key.decode('utf-8', 'replace'))!r}"
        raise UnreadableStateError(
            f"{where}: this case cannot be read ({printable(str(error), 100)}), so nothing of the partition goes on; start the version of the router that "
            "wrote it, or write the case once more as it was."
        ) from error


def _same_cases(stored: StoredOffset | None, changelog: TopicPartition, topic_id: str) -> None:
    """Raise UnreadableStateError if the stored offset belongs to cases that are gone: all their reports would open second cases."""
    if stored is None or not stored.cases_id or not topic_id or stored.cases_id == topic_id:
        return
    raise UnreadableStateError(
        f"{changelog.topic}/{changelog.partition}: the topic was deleted and made again, so the cases of this partition are gone "
        "and nothing of it goes on; restore the topic, or delete grid.offsets as well and make it again "
        "(`grid-router topics apply`): the partition then goes on without the old cases, and a report of one that comes again "
        "opens a second case.",
    )


def _about(event: Report | Tick | Feedback | Erasure) -> dict[str, str]:
    """What a log line says about an event: ids of the router, never those of a report."""
    if isinstance(event, Feedback):
        return {"task": printable(event.task, LONGEST_ID)}
    return {"case": printable(event.case, LONGEST_ID)} if isinstance(event, Erasure) else {}


class MergeProcessor:
    """The state of one partition and the fold over its log.

    Args:
        rule_sets: of the city; more are added while the worker runs.
        names: of the topics.
        clock: says when timers are due.
        metrics: of the worker.
        polls: how many polls of the published rule sets have ended.
        keys: of stored offsets.
        tracing: of the worker.
    """

    name = "merge"

    def __init__(
        self,
        rule_sets: RuleSets,
        names: Names,
        clock: Clock,
        metrics: Metrics,
        polls: Callable[[], int] = lambda: 0,
        *,
        keys: OffsetKeys = NO_KEYS,
        tracing: Tracing = CARRYING,
    ) -> None:
        self._offsets = StoredOffsets(keys, lambda topic: metrics.ignored_offsets.labels(topic).inc())
        self._rule_sets, self._names, self._clock, self._metrics = rule_sets, names, clock, metrics
        self._polls, self._tracing = polls, tracing
        self._state = PartitionState()
        self.copy = StateCopy(self._clear, self._apply, lambda record: is_row(record.headers, record.value))
        self._received: datetime | None = None
        self._shown: datetime | None = None
        """The latest received time of a report that is in a case, of those that the changelog brought."""
        self._pending_tick: datetime | None = None
        self._no_tick_before: datetime | None = None
        self._label = ""
        self._missing: dict[str, int] = {}
        """Rule set that was missed -> polls that had ended then."""

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
        """Bring the state to the end of the committed cases of this partition."""
        self._pending_tick, self._label = None, str(source.partition)
        changelog = self.changelog_of(source)
        stored = await self._stored_offset(logs, source)
        await logs.changelog(TopicPartition(self._names.archive, source.partition))
        _same_cases(stored, changelog, (await logs.changelog(changelog)).topic_id)
        # a record that could not be folded may have carried a wrong time
        received = [self._received] if self.copy.intact else []
        await self.copy.catch_up(logs, changelog)
        self._received = max((at for at in (*received, self._shown) if at is not None), default=None)
        if stored is not None:
            self._state.clock = LogClock(
                stored.received_at,
                stored.ticked_at,
                stored.forgotten_until,
                stored.escalated_until,
                stored.escalated_case,
            )
            self._come_on(changelog)
        else:
            self._state.assume_forgotten()
        self._metrics.matchable_cases.labels(self._label).set(self._state.matchable_cases)
        return stored

    def _come_on(self, changelog: TopicPartition) -> None:
        """Remember which steps of ladders were sent. Raises UnreadableStateError: without the rules they would be sent again."""
        try:
            self._state.steps.restore(self._rule_sets)
        except RuleSetError as missing:
            raise UnreadableStateError(
                f"{changelog.topic}/{changelog.partition}: a case names the rule set {printable(str(missing), 100)}, whose rules this worker does not have, "
                "so nothing of the partition goes on; it goes on by itself when they are published and can be read.",
            ) from missing

    def changelog_of(self, source: TopicPartition) -> TopicPartition:
        """The partition of `grid.cases` that has the cases of an input partition."""
        return TopicPartition(self._names.cases, source.partition)

    def _clear(self) -> None:
        self._state, self._shown = PartitionState(), None

    def _apply(self, values: Values, changelog: TopicPartition) -> None:
        state, merging = self._state, self._rule_sets.merging
        for key, value in values.items():
            if value is None:
                state.drop(key.decode("utf-8", "replace"), merging)
                continue
            case = _case(changelog, key, value)
            state.restore(case, merging)
            for report in case.reports:  # the last one may have left
                if self._shown is None or report.received_at > self._shown:
                    self._shown = report.received_at

    async def resume(self, logs: ChangelogReader, source: TopicPartition, position: StoredOffset) -> bool:
        """Keep the cases in memory, if no other worker had the partition and the topic of the cases is still the same."""
        self.copy.intact = True
        if await replaced(logs, self.changelog_of(source), self.copy.topic_id):
            return False
        await logs.changelog(TopicPartition(self._names.archive, source.partition))
        stored = await self._stored_offset(logs, source)
        if stored is None or not stored.same_place(position):
            return False
        self._pending_tick = None
        self._metrics.matchable_cases.labels(self._label).set(self._state.matchable_cases)
        return True

    async def _stored_offset(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
        offsets = TopicPartition(self._names.offsets, source.partition)
        await logs.changelog(offsets)  # a missing topic stops the partition with a sentence; a read only times out
        return await self._offsets.read(logs, offsets, exclusive=True)

    @property
    def offset_overwritten(self) -> bool:
        """Whether another program has written over the stored offset."""
        return self._offsets.overwritten

    def store_offset(self, position: StoredOffset, writer: Writer, partition: int) -> None:
        """Write the offset to a topic of its own, because `grid.cases` is a public table."""
        clock = self._state.clock
        stored = replace(
            position,
            cases_id=self.copy.topic_id,
            received_at=clock.received_at,
            ticked_at=clock.ticked_at,
            forgotten_until=clock.forgotten_until,
            escalated_until=clock.escalated_until,
            escalated_case=clock.escalated_case,
        )
        changelog = TopicPartition(self._names.offsets, partition)
        writer.add(changelog.topic, partition, *self._offsets.encode(stored, changelog))

    def _unpublished(self, event: Report | Tick | Feedback | Erasure, missing: RuleSetError) -> Rejection:
        """Reject a report whose rule set was never published.

        Raises:
            NotReadyError: the rule set may still come, or its rules cannot be read.
        """
        version, polls = str(missing), self._polls()
        named = event.rule_set if isinstance(event, Report) else ""
        if not never_published(named, missing, polls - self._missing.setdefault(version, polls)):
            raise NotReadyError(f"rule set {version}") from missing
        return unpublished_rule_set(version)

    def _unknown_sender(self, sender: str) -> Rejection:
        """Reject feedback of a department that no rule set has. Raises NotReadyError as `_unpublished` does."""
        missing, polls = UnknownRuleSetError(f"with the department {sender}"), self._polls()
        if not never_published(str(missing), missing, polls - self._missing.setdefault(str(missing), polls)):
            raise NotReadyError(f"rule set {printable(str(missing), 80)}")
        return unknown_sender(sender)

    def _advance(self, received: datetime) -> None:
        if self._received is None or received > self._received:
            self._received = received

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        """Fold a batch in log order. A case that changes many times is written once, as it is at the end."""
        self.copy.intact = False
        outputs = BatchOutputs()
        rejected: list[Rejected] = []
        traces = self._tracing.batch(self.name, records, EVENT_HEADERS)
        traced = traces.headers
        for record in records:
            if record.offset in poisoned:
                rejected.append(Rejected(record, self._poisoned(record), event_of(record)))
                continue
            event = self._event(record, rejected)
            if event is None:
                continue
            outcome = self._folded(record, event, rejected)
            if outcome is None:
                continue
            if traced and record.offset in traced:
                outputs.add(outcome, traced[record.offset])
                traces.decided(record.offset, outcome)
            else:
                outputs.add(outcome)
        partition = records[0].partition
        outputs.write(self._names, partition, writer)
        for one in rejected:
            one.write(self._names, self._rule_sets, partition, traced.get(one.record.offset, NOT_TRACED), writer)
            traces.rejected(one.record.offset, one.rejection.code)
        return self._counted(outputs, Counter(one.rejection.code for one in rejected), traces)

    def _folded(
        self, record: Record, event: Report | Tick | Feedback | Erasure, rejected: list[Rejected]
    ) -> Outcome | None:
        """The outcome of an event; None if it cannot be folded. Adds its rejection."""
        try:
            outcome = fold(self._state, event, self._rule_sets)
        except RuleSetError as missing:
            rejected.append(Rejected(record, self._unpublished(event, missing)))
            return None
        except RejectedEventError as failure:
            rejected.append(Rejected(record, failure.rejection, event))
            return None
        except Exception as failure:
            raise PoisonError(record.offset, _about(event)) from failure
        if outcome.rejection is not None:
            rejected.append(Rejected(record, outcome.rejection, event))
        return outcome

    def _poisoned(self, record: Record) -> Rejection:
        """Give up a record at which the fold fails. A tick that failed is not written again at once."""
        now = self._clock.now(self._received)
        if now is not None and is_tick(record.headers):
            self._pending_tick, self._no_tick_before = None, now + TICK_PAUSE
        return POISON_EVENT

    def _event(self, record: Record, rejected: list[Rejected]) -> Report | Tick | Feedback | Erasure | None:
        try:
            event = decode_event(record.headers, record.value)
        except NO_EVENT as error:
            rejected.append(Rejected(record, undecodable(record, error)))
            return None
        if isinstance(event, Tick):
            self._pending_tick = None
            return event
        if isinstance(event, Erasure):
            return event
        if isinstance(event, Feedback) and not is_sender(event.sender, self._rule_sets):
            rejected.append(Rejected(record, self._unknown_sender(event.sender)))
            return None
        self._advance(event.received_at)
        return event

    def _counted(self, outputs: BatchOutputs, rejected: Counter[str], traces: BatchTraces) -> Counted:
        def count() -> None:
            outputs.count(self._metrics)
            for code, number in rejected.items():
                self._metrics.dead_letters.labels(ROUTER, code).inc(number)
            self._metrics.matchable_cases.labels(self._label).set(self._state.matchable_cases)
            traces.committed()

        return count

    def due(self) -> float | None:
        """Seconds until something comes due, by this partition's clock; None while a tick is in flight."""
        now = self._clock.now(self._received)
        if now is None or self._pending_tick is not None:
            return None
        if (
            self._no_tick_before is None
            and self._state.provisional
            and self._state.provisional.wait_for(self._version(now))
        ):
            return 0.0
        instant = self._state.next_due()
        if instant is None:
            return None
        instant = instant if self._no_tick_before is None else max(instant, self._no_tick_before)
        seconds = (instant - now).total_seconds()
        return seconds if self._clock.waits or seconds <= 0 else None

    def tick(self, writer: Writer, partition: int) -> None:
        """Append a tick with the present time to the partition's own log; it is folded when it is read back."""
        now = self._clock.now(self._received)
        if now is not None:
            self._pending_tick = now
            tick = Tick(at=now, rule_set=self._version(now))
            writer.add(self._names.events, partition, *encode_tick(tick, partition))

    def _version(self, now: datetime) -> str:
        """Version of the rule set in effect, whose calendar provisional deadlines follow."""
        return self._rule_sets.version_at(now)

    def close(self) -> None:
        """The partition was released."""
        if self._label:
            self._metrics.matchable_cases.labels(self._label).set(0)
