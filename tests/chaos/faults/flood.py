"""One incident fills a case: many valid reports that join it, and corrections of them until texts and versions are left out."""

from collections.abc import Iterator
from datetime import UTC, datetime

from router.domain.case.size import MAX_REPORTS
from router.domain.networks.registry import NETWORKS
from router.simulator.messages import SourceMessage
from tests.chaos.deployment import Deployment
from tests.chaos.load import Sending, own_id
from tests.chaos.schedule import Fault
from tests.support.poison.record import sound, written

NETWORK = "policing"
REPORTS, VERSIONS = MAX_REPORTS + 10, 6
TEXT = "\x01" * 190
"""Each character takes six bytes in JSON."""


def flooded(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Send one incident, in addition to the load."""
    messages = list(flood(str(fault.round)))
    deployment.load.send([Sending(one, own_id(one)) for one in messages])
    deployment.until(lambda: not deployment.load.sending, 120, "the flood could not be sent")
    return {"injected": 1.0, "records": len(messages)}


def flood(name: str) -> Iterator[SourceMessage]:
    """Every version of each report, version by version: reports of one matter, place and time."""
    id_field = NETWORKS[NETWORK].id_field
    for version in range(VERSIONS):
        for number in range(REPORTS):
            message = sound(NETWORK, f"{name} {number}", bjnr=f"{TEXT}{version}")
            yield SourceMessage(
                network=NETWORK,
                source_id=str(message[id_field]),
                value=written(message),
                received_at=datetime.now(UTC),
                kind="updated" if version else "simulated",
            )
