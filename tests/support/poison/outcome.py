"""What becomes of poison records at admission."""

from collections.abc import Iterable

from router.domain.intake.admit import admit
from router.domain.intake.dedup import DedupIndex
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from tests.support.poison.record import Poison, named
from tests.support.records import Record


def become(records: Iterable[Poison], hearing: City) -> list[tuple[Poison, Report | Rejection]]:
    """What becomes of each, a network's records as one batch."""
    batches: dict[str, list[Poison]] = {}
    for one in records:
        batches.setdefault(one.network, []).append(one)
    became: list[tuple[Poison, Report | Rejection]] = []
    for network, batch in batches.items():
        sent = [Record(value=p.value, key=p.key, offset=n, headers=named(p.headers)) for n, p in enumerate(batch)]
        done = admit(NETWORKS[network], sent, RuleSets(hearing), DedupIndex())
        became += [(batch[report.provenance.offset], report) for report, _ in done.events]
        became += [(batch[record.offset], rejection) for record, rejection in done.rejections]
    return became
