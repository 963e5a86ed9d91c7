"""Who reads why an event was rejected: the network of the city that sent it, and no other one."""

import dataclasses

from msgspec.structs import replace

from router.domain.catalogue.code_tables import CodeTable
from router.domain.intake.event_rejections import report_of_network
from router.domain.model.report import Report, Tick
from router.domain.rules.rule_sets import RuleSets
from tests.support.driver import hours, report, tiny

RULES = RuleSets(dataclasses.replace(tiny(), codes={"hotline": CodeTable("hotline", ())}))


def sent(topic: str = "reports.hotline") -> Report:
    one = report("1", rule_set="")
    return replace(one, provenance=replace(one.provenance, topic=topic))


def found(event: Report | Tick | None) -> Report | Tick | None:
    return report_of_network(event, RULES, lambda network: f"reports.{network}")


def test_the_network_that_sent_a_report_reads_why() -> None:
    assert found(sent()) == sent()


def test_no_network_reads_of_another_event() -> None:
    assert found(None) is None
    assert found(Tick(at=hours(1))) is None
    assert found(replace(sent(), network="policing")) is None, "not of this city"
    assert found(sent("reports.policing")) is None, "the event names a topic that is not its network's"
    assert found(replace(sent(), rule_set="never published")) is None
