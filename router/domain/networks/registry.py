"""The reporting networks of the router. To add one, write its file beside this one and name it in both lists here."""

from collections.abc import Mapping

from router.domain.networks import (
    cap,
    enforcement,
    environment,
    governance,
    hotline,
    litigation_services,
    mediation,
    open311,
    party_building,
    petitions,
    policing,
    social_security,
    urban_management,
    work_safety,
)
from router.domain.networks.schema.network import Network

__all__ = ["NETWORKS", "Network"]

NETWORKS: Mapping[str, Network] = {
    module.NETWORK.name: module.NETWORK
    for module in (
        policing,
        urban_management,
        environment,
        social_security,
        hotline,
        party_building,
        work_safety,
        governance,
        enforcement,
        petitions,
        mediation,
        litigation_services,
        open311,
        cap,
    )
}
"""Networks by name. A network reports in a city when the city has a code table for it."""
