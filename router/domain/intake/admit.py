"""Admission: the decision about each record of a network's topic.

Every record of a batch is accepted, updated, redelivered or rejected. The worker, the offline router and the replay of
recorded histories call this one function; they only encode and count.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from router.domain.intake.dedup import DedupEntry, DedupIndex
from router.domain.intake.normalise import Normalised, is_redriven, normalise, ruled_at
from router.domain.intake.rejections import wrong_key
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.domain.model.source_record import SourceRecord
from router.domain.networks.schema.network import Network
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets


class TranslationError(Exception):
    """The translation of a record failed outside the translator, which is a defect of the router.

    Args:
        offset: of the record in its partition.
    """

    def __init__(self, offset: int) -> None:
        super().__init__(f"the record at offset {offset} cannot be translated")
        self.offset = offset


class Admitted(Struct, frozen=True, kw_only=True):
    """The decision about a batch. Each record is counted once: as an event, a redelivery or a rejection."""

    events: list[tuple[Report, str]]
    """New reports and updates in the order of the batch, each with its partition key: the cell of its first version."""
    entries: list[tuple[str, DedupEntry]]
    """Source id and dedup entry of each event, and of each redelivery whose entry must be rewritten, in order."""
    rejections: list[tuple[SourceRecord, Rejection]]
    accepted: int
    """Events that are a first version."""
    updated: int
    """Events that are a later version."""
    redelivered: int
    """Records whose content was admitted before."""
    outside: int
    """Events whose point lies outside every cell."""
    disbelieved: Counter[str]
    """Headers with a received time that does not count, by cause: `past` or `future`."""
    masked: Counter[str]
    """Events in which personal numbers were masked, by kind of number."""


def admit(
    network: Network, batch: Sequence[SourceRecord], rule_sets: RuleSets, dedup: DedupIndex, *, history: bool = False
) -> Admitted:
    """Decide about a batch of one partition, and remember its reports in the dedup index.

    The index changes only after the whole batch is translated, so an exception leaves it as it was.

    Args:
        network: whose topic the partition belongs to.
        batch: records in the order of the log.
        rule_sets: of the city.
        dedup: index of the partition.
        history: whether history is replayed, so that received times may be long before Kafka's.

    Raises:
        RuleSetError: the rules of a rule set are not available; no record is at fault.
        TranslationError: a record causes a defect of the router.
    """
    translated = [
        _translate(network, run, city, history=history)
        for city, run in _runs(network, batch, rule_sets, history=history)
    ]
    admitted = _register(translated, dedup)
    received = [report.received_at for one in translated for report in one.reports]
    if received:
        dedup.forget(max(received), len(received))
    return admitted


def rule_set_of(network: Network, record: SourceRecord, rule_sets: RuleSets, *, history: bool = False) -> City:
    """The rules that hold for a record of a network: by its received time, or for a redriven record the rules of its repair.

    Raises:
        RuleSetError: the rules are not available.
    """
    return rule_sets.for_network(ruled_at(record, history=history), network.name)


def _runs(
    network: Network, batch: Sequence[SourceRecord], rule_sets: RuleSets, *, history: bool
) -> list[tuple[City, Sequence[SourceRecord]]]:
    """The batch in runs of one rule set each, in its order."""
    if rule_sets.only is not None:
        return [(rule_sets.only, batch)]
    ruled = [(rule_set_of(network, record, rule_sets, history=history), record) for record in batch]
    grouped = (list(run) for _, run in groupby(ruled, lambda one: one[0].rule_set))
    return [(run[0][0], [record for _, record in run]) for run in grouped]


def _translate(network: Network, run: Sequence[SourceRecord], city: City, *, history: bool) -> Normalised:
    """Translate a run; when that fails, find the record that causes it."""
    try:
        return normalise(network, run, city, history=history)
    except Exception as failure:
        for record in run:
            try:
                normalise(network, [record], city, history=history)
            except Exception:  # noqa: BLE001 - a defect may raise anything; this record causes it
                raise TranslationError(record.offset) from failure
        raise


def _register(translated: Sequence[Normalised], dedup: DedupIndex) -> Admitted:
    """Pass every translated report through the dedup index."""
    rejections = [rejection for one in translated for rejection in one.rejections]
    events: list[tuple[Report, str]] = []
    entries: list[tuple[str, DedupEntry]] = []
    updated = redelivered = 0
    disbelieved: Counter[str] = Counter()
    for one in translated:
        for record, translation, said in zip(one.sources, one.reports, one.said, strict=True):
            if said.disbelieved:
                disbelieved[said.disbelieved] += 1
            if record.key != translation.source_id.encode():
                rejections.append((record, wrong_key(record.key, translation.source_id)))
                continue
            redriven = len(record.headers) > 1 and is_redriven(record)  # a redrive adds two
            if redriven:
                translation = replace(translation, redriven=True)  # noqa: PLW2901 - one in a million
            decision = dedup.register(translation, said, record.value or b"", redriven=redriven)
            if decision is None:
                redelivered += 1
            elif isinstance(decision, Rejection):
                rejections.append((record, decision))
            else:
                report, entry = decision
                entries.append((translation.source_id, entry))
                if report is None:
                    redelivered += 1
                else:
                    updated += report.version > 1
                    events.append((report, entry.cell))
    return Admitted(
        events=events,
        entries=entries,
        rejections=rejections,
        accepted=len(events) - updated,
        updated=updated,
        redelivered=redelivered,
        outside=sum(report.location.outside for report, _ in events),
        disbelieved=disbelieved,
        masked=Counter(kind for report, _ in events if report.masked for kind in report.masked),
    )
