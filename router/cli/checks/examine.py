"""All checks of `doctor` in their order."""

from collections.abc import Iterator

from router.cli.checks import city as of_city
from router.cli.checks import cluster, machine
from router.cli.checks.outcome import Check, outcome
from router.wire.settings import Settings


def examine(settings: Settings, city: str | None) -> Iterator[Check]:
    """All checks in order, each as soon as it ends.

    Args:
        settings: of the deployment.
        city: whose topics, folder and rules are checked; None: the city that is deployed in the namespace, if one is.
    """
    yield outcome("python", machine.python)
    yield outcome("settings", machine.names_of_settings)
    yield outcome("signatures", lambda: machine.signatures(settings))
    yield outcome("java", lambda: machine.java(settings))
    yield outcome("ports", lambda: machine.ports(settings))
    yield outcome("broker", lambda: cluster.broker(settings))
    deployed: list[str] = []
    yield outcome("city", lambda: of_city.deployed_city(settings, city, deployed))
    for name in deployed:
        yield outcome(f"topics {name}", lambda name=name: cluster.topics(settings, name))  # type: ignore[misc]
    yield outcome("durability", lambda: cluster.durability(settings, deployed))
    yield outcome("networks", lambda: cluster.networks(settings, deployed))
    yield outcome("schemas", machine.schemas)
    for name in deployed:
        yield outcome(f"catalogue {name}", lambda name=name: of_city.catalogue(settings, name))  # type: ignore[misc]
        yield outcome(f"rules {name}", lambda name=name: of_city.rules(settings, name))  # type: ignore[misc]
    yield outcome("clock", lambda: machine.clock(settings))
    yield outcome("disk", lambda: machine.disk(settings))
    yield outcome("privacy", lambda: machine.privacy(settings))
