"""What an erasure does: which topic has the data of a person, and by when it has lost them."""

from datetime import datetime, timedelta

from msgspec import Struct

from router.dead_letters.erasing import source_id
from router.domain.case.erasure import has_data
from router.domain.explanation.case_life import CaseLife
from router.domain.lifecycle.journal import has_new_words, without_words
from router.domain.model.case import Case
from router.domain.model.erasure import Erasure
from router.wire.codec import DeadLetter
from router.wire.declared_topics import COMPACTED_MS, MILLISECOND, declared
from router.wire.repairs import Repair
from router.wire.settings import Settings
from router.wire.topic_names import Names

SEGMENT = timedelta(days=7)
"""How long Kafka writes to one segment, by its default. Retention takes a segment as a whole."""


class Found(Struct, frozen=True, kw_only=True):
    """What has the data of a person."""

    life: CaseLife | None = None
    """The case; None if no case has the report."""
    erasure: Erasure | None = None
    """The request about the case."""
    dead_letters: tuple[DeadLetter, ...] = ()
    repairs: tuple[Repair, ...] = ()
    """Of these dead letters, those that do not say yet that the data was erased; empty ones for dead letters without."""

    @property
    def asks_case(self) -> bool:
        """Whether the case, or its journal since the last request, has something."""
        if self.life is None or self.erasure is None:
            return False
        return has_data(self.life.case, self.erasure) or has_new_words(self.life.transitions)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.asks_case or self.repairs or (self.life and without_words(self.life.transitions)))


class Row(Struct, frozen=True, kw_only=True):
    """One topic of the answer."""

    topic: str
    what: str
    leaves_by: str
    """What takes the data out of the topic's segments."""
    until: datetime
    """The latest instant at which a segment has it."""


def rows(found: Found, settings: Settings, now: datetime) -> list[Row]:
    """The topics that have the data of a person, in the order of their life. Those whose retention has passed are left out."""
    life, made = found.life, _Rows(settings, now)
    if life is not None:
        made.add_case(life)
    made.add_dead_letters(found)
    return made.rows


class _Rows:
    def __init__(self, settings: Settings, now: datetime) -> None:
        self._names, self._now, self.rows = Names(settings.namespace), now, list[Row]()
        self._settings = settings

    def add_case(self, life: CaseLife) -> None:
        case, names = life.case, self._names
        written = life.written_at or case.updated_at  # retention counts from when Kafka stored a record
        said = max([written, *[one.received_at for one in case.reports]])
        answers = [written, *[one.at for one in case.answers if one.at is not None]]
        for network in dict.fromkeys([one.network for one in case.reports]):
            self._expires(names.reports(network), "reports as the network sent them", said)
        for sender in dict.fromkeys([one.sender for one in case.answers]):
            self._expires(names.feedback(sender), "feedback as it was sent", max(answers))
        self._expires(names.events, "reports and feedback as events", max([said, *answers]))
        topic = names.archive if life.archived else names.cases
        self._compacted(topic, f"{case.id}: the text of {len(case.reports)} {_plural(len(case.reports), 'report')}")
        for department in dict.fromkeys([one.department for one in case.assignments]):
            self._expires(
                names.tasks(department),
                "its tasks; a last one without the text asks to erase copies",
                max(written, case.updated_at),
            )
        words = sum(bool(one.said) and not one.erased for one in life.transitions)
        if words:
            self._compacted(names.transitions, f"the words of {words} {_plural(words, 'transition')}")

    def add_dead_letters(self, found: Found) -> None:
        names, dead_letters = self._names, found.dead_letters
        if not dead_letters:
            return
        latest = max(one.at for one in dead_letters)
        number = len(dead_letters)
        what = f"{number} {_plural(number, 'dead letter')}; no command shows, repairs or redrives {'it' if number == 1 else 'them'} any more"
        for network in dict.fromkeys([one.network for one in dead_letters]):
            topic = next(one.topic for one in dead_letters if one.network == network)
            sender = names.sender_of(topic)
            if sender is not None:
                self._expires(names.rejected_feedback(sender), "sentences about rejected feedback", latest)
            elif topic != names.events:
                self._expires(names.rejections(network), "sentences about rejected records", latest)
        self._expires(names.dead_letters, what, latest)
        repaired = sum(bool(one.steps) for one in found.repairs)
        if repaired:
            self._compacted(names.repairs, f"values and patches of {repaired} {_plural(repaired, 'repair')}")

    def _expires(self, topic: str, what: str, latest: datetime) -> None:
        until = latest + self._retention(topic) + SEGMENT
        if until > self._now:
            self.rows.append(Row(topic=topic, what=what, leaves_by="retention", until=until))

    def _compacted(self, topic: str, what: str) -> None:
        until = self._now + COMPACTED_MS * MILLISECOND + timedelta(days=1)
        self.rows.append(Row(topic=topic, what=what, leaves_by="compaction", until=until))

    def _retention(self, topic: str) -> timedelta:
        topics = declared(
            self._names,
            networks=[topic.rpartition(".")[2]],
            departments=[topic.rpartition(".")[2]],
            partitions=1,
            archive_years=self._settings.archive_years,
        )
        one = next(one for one in topics if one.name == topic)
        return (one.retention_ms or 0) * MILLISECOND


def sources(case: Case | None, reports: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    """Network and source id of the reports that are meant; without ids, of all reports of the case."""
    ids = reports or tuple([one.id for one in case.reports] if case is not None else ())
    return frozenset(map(source_id, ids))


def _plural(number: int, noun: str) -> str:
    return noun if number == 1 else f"{noun}s"
