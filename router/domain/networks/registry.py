"""The reporting networks the router knows. A new one: its file beside this one, and its line here."""

from collections.abc import Mapping
from importlib import import_module

from router.domain.networks.network import Network

__all__ = ["NETWORKS", "Network"]

FILES = (
    "policing",
    "urban_management",
    "environment",
    "social_security",
    "hotline",
    "party_building",
    "work_safety",
    "governance",
    "enforcement",
    "petitions",
    "mediation",
    "litigation_services",
)
"""Each holds one `NETWORK`."""


def _network(file: str) -> Network:
    network: Network = import_module(f"router.domain.networks.{file}").NETWORK
    return network


NETWORKS: Mapping[str, Network] = {network.name: network for network in map(_network, FILES)}
"""Name -> network. Which of them a city hears is decided by its code tables."""
