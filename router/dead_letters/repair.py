"""Repair: give rejected records a new value. The city's rules check it before it is kept."""

from hashlib import sha256

from msgspec import Struct

from router.dead_letters.actions import ActionFailure, ActionOutcome, Attribution, ReportOutcome
from router.dead_letters.chunks import chunks
from router.dead_letters.patching import Patch, for_history, patched
from router.dead_letters.redrive_record import original
from router.dead_letters.selection import Selection
from router.dead_letters.session import Session, open_session
from router.dead_letters.validation import rejection_of
from router.domain.model.rejection import Rejection
from router.domain.rules.city import City
from router.wire.codec import DeadLetter
from router.wire.repairs import LARGEST_BYTES, Repair, Step, encode_repair
from router.wire.topic_names import Names


class RepairOptions(Struct, frozen=True, kw_only=True):
    """What to repair, and how."""

    selection: Selection
    new: Patch | bytes
    """Operations on the rejected value, or the whole new value."""
    attribution: Attribution
    city: City
    """Whose rules the new value must satisfy."""
    force: bool = False
    """Include dead letters that were redriven before."""
    dry_run: bool = False
    """Check, and keep nothing."""


def repair(bootstrap: str, names: Names, options: RepairOptions, report: ReportOutcome) -> None:
    """Repair the selected dead letters. A dead letter that cannot be repaired stays as it is.

    Args:
        bootstrap: `host:port` list of the cluster.
        names: of the deployment's topics.
        options: what to repair, and how.
        report: called for each dead letter.

    Raises:
        BrokerError: Kafka does not answer, or another command has fenced this one.
        TopicError: a topic does not exist.
        InputError: an id has no dead letter.
    """
    with open_session(bootstrap, names, options.selection, dry_run=options.dry_run) as session:
        _RepairRun(options, names, session, report).run()


class _RepairRun(Struct, frozen=True):
    """One call of `repair`."""

    options: RepairOptions
    names: Names
    session: Session
    report: ReportOutcome

    def run(self) -> None:
        """Repair one chunk after the other, each in one transaction."""
        repair_log = self.session.repair_log
        partitions = len(self.session.lookup.partitions_for_topic(self.names.events) or ())
        for chunk in chunks(self.session.dead_letters, repair_log.size):
            earlier = repair_log.of(dead_letter.id for dead_letter in chunk)
            repairs: dict[str, Repair] = {}
            for dead_letter in chunk:
                state = earlier[dead_letter.id].state
                if state == "erased" or (state == "redriven" and not self.options.force):
                    self.report(ActionOutcome(dead_letter=dead_letter.id, result="skipped"))
                    continue
                repaired = self._repaired(dead_letter, earlier[dead_letter.id], partitions)
                if isinstance(repaired, Repair):
                    repairs[dead_letter.id] = repaired
                else:
                    self.report(ActionOutcome(dead_letter=dead_letter.id, result="rejected", failure=repaired))
            self._keep(list(repairs.values()))
            for id_ in repairs:
                self.report(ActionOutcome(dead_letter=id_, result="sound" if self.options.dry_run else "repaired"))

    def _repaired(
        self, dead_letter: DeadLetter, earlier: Repair, partitions: int
    ) -> Repair | ActionFailure | Rejection:
        value = self._new_value(dead_letter)
        if isinstance(value, ActionFailure):
            return value
        failure = rejection_of(dead_letter, value, self.options.city, self.names, partitions)
        if failure is not None:
            return failure
        new, attribution = self.options.new, self.options.attribution
        step = Step(
            done="repaired",
            actor=attribution.actor,
            why=attribution.why,
            at=attribution.at,
            patch=None if isinstance(new, bytes) else for_history(new),
            sha256=sha256(value).hexdigest(),
        )
        repaired = earlier.repaired(step, value)
        size = len(encode_repair(repaired)[1])
        if size > LARGEST_BYTES:
            reason = f"its history would have {size} bytes, more than {LARGEST_BYTES}; repair it with a shorter patch."
            return ActionFailure(code="long-history", reason=reason)
        return repaired

    def _new_value(self, dead_letter: DeadLetter) -> bytes | ActionFailure:
        new = self.options.new
        if isinstance(new, bytes):
            return new
        value = original(self.session.lookup, dead_letter)
        return value if isinstance(value, ActionFailure) else patched(dead_letter, value, new)

    def _keep(self, repairs: list[Repair]) -> None:
        producer = self.session.producer
        if producer is None or not repairs:
            return
        with producer.transaction():
            entries = self.session.repair_log.append(producer, repairs)
        self.session.repair_log.committed(repairs, entries)
