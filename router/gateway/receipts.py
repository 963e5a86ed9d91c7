"""What a receipt says: the report that its token stands for, and how far its case is."""

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from router.domain.explanation.progress import CaseProgress, ReceiptStage, ReceiptWords
from router.domain.explanation.wording import Bilingual
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSetError
from router.gateway.clock import WALL, GatewayClock
from router.gateway.followed_cases import FollowedCases
from router.gateway.followed_rules import FollowedRules
from router.gateway.problems import RETRY_AFTER_S, ProblemError
from router.gateway.receipt_index import KnownReport
from router.gateway.receipt_keys import ReceiptKeys, ReceivedReport

SOON_S = 86_400
"""A report that no case has for longer than that is not said to be on its way."""


class FoundReport(Struct, frozen=True):
    """The report that a token stands for."""

    city: City
    """The rules in effect."""
    received_at: datetime
    known: KnownReport
    stage: ReceiptStage


class Receipts:
    """Makes the tokens of receipts and answers them.

    Args:
        keys: of the deployment.
        cases: that are known.
        rules: have the names of departments and the zone.
        clock: of the gateway.
    """

    def __init__(
        self, keys: ReceiptKeys, cases: FollowedCases, rules: FollowedRules, clock: GatewayClock = WALL
    ) -> None:
        self.cases, self._clock = cases, clock
        self._keys, self._rules = keys, rules

    def token_of(self, network: str, source_id: str, received_ms: int, partition: int, offset: int) -> str:
        """The token of a report that Kafka has."""
        return self._keys.token_of(ReceivedReport(received_ms // 1000, network, source_id, partition, offset))

    def answer(self, token: str) -> dict[str, Any]:
        """How far the report of a token is.

        Raises:
            ProblemError: no gateway of the deployment has given the token, or this one has not read the cases yet.
        """
        found = self.found(token)
        stage, progress, rejected = found.stage, found.known.progress, found.known.rejected
        said = said_of(found.city, stage, found.received_at, progress, rejected)
        return {
            "stage": stage,
            "said": {"en": said.en, "zh": said.zh},
            "received_at": found.received_at,
            **({} if rejected is None else {"rejected": rejected}),
            **({} if progress is None else _members(progress, found.city)),
        }

    def found(self, token: str) -> FoundReport:
        """What is known of the report of a token. Raises ProblemError like `answer`."""
        report = self._keys.report_of(token)
        if report is None:
            detail = "no gateway of this city has given this receipt; copy it again, all of it."
            raise ProblemError("unknown-receipt", detail)
        city, known = self.city(), self.cases.index.of(report)
        stage = _stage(known.progress, known.rejected, self._clock.now_ms() / 1000 - report.received_s)
        return FoundReport(city, datetime.fromtimestamp(report.received_s, UTC), known, stage)

    def city(self) -> City:
        """The rules in effect. Raises ProblemError while they or the cases have not been read."""
        rule_sets = self._rules.rule_sets
        if rule_sets is None or not self.cases.ready:
            raise _not_ready()
        try:
            return rule_sets.at(datetime.now(UTC))
        except RuleSetError as error:
            raise _not_ready() from error


def said_of(
    city: City, stage: ReceiptStage, received_at: datetime, progress: CaseProgress | None, rejected: str | None = None
) -> Bilingual:
    """How far a report or a case is, in plain words."""
    return ReceiptWords(lambda id_: department_name(city, id_), city.zone).about(stage, received_at, progress, rejected)


def _stage(progress: CaseProgress | None, rejected: str | None, age_s: float) -> ReceiptStage:
    if progress is not None:
        return progress.stage
    if rejected is not None:
        return "rejected"
    return "received" if age_s < SOON_S else "unknown"


def _members(progress: CaseProgress, city: City) -> dict[str, Any]:
    departments = [] if progress.lead is None else [(progress.lead, "lead")]
    departments += [(one, "assist") for one in dict.fromkeys(progress.assistants)]
    found: dict[str, Any] = {
        "reports": progress.reports,
        "departments": [
            {
                "department": id_,
                "role": role,
                "name": {"en": department_name(city, id_).en, "zh": department_name(city, id_).zh},
            }
            for id_, role in departments
        ],
        "changed_at": progress.changed_at,
        "due_at": progress.due_at,
        "closed_at": progress.closed_at,
    }
    return {name: value for name, value in found.items() if value is not None}


def department_name(city: City, department: str) -> Bilingual:
    """The name of a department in both languages."""
    known = city.catalogue.departments.get(department)
    if known is None:
        return Bilingual(department, department)
    return Bilingual(known.name.en, known.name.zh or known.name.en)


def _not_ready() -> ProblemError:
    detail = "the gateway has not read all cases yet; ask again in some seconds."
    return ProblemError("not-ready", detail, retry_after_s=RETRY_AFTER_S)
