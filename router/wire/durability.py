"""How many brokers hold each record: declared for every topic, and rejected when the cluster cannot keep it.

Of three replicas, two must have a record before the producer gets its acknowledgement. So one broker may fail, or lose its disk,
and no acknowledged record is lost. An unclean election would make a replica without them the leader.
"""

from collections.abc import Mapping

from msgspec import Struct

from router.wire.errors import BrokerError, InputError

MIN_INSYNC, UNCLEAN = "min.insync.replicas", "unclean.leader.election.enable"
INTERNAL_TOPICS = ("__consumer_offsets", "__transaction_state")
"""Topics of Kafka itself, on which a transaction depends as on ours."""
SEVERAL = 3
"""A cluster of this size keeps three replicas unless the settings ask for another number."""


class Shortfall(Struct, frozen=True):
    """What a topic lacks."""

    what: str
    """`replicas`, or the name of a configuration."""
    found: str
    declared: str


class Durability(Struct, frozen=True):
    """What holds for every topic of a deployment."""

    replication: int = 1
    """Brokers that hold each record."""
    min_insync: int = 1
    """Brokers that must have a record before it is acknowledged."""

    def config(self) -> dict[str, str]:
        """The configuration of each topic; empty when one broker alone holds it."""
        return {} if self.replication == 1 else {MIN_INSYNC: str(self.min_insync), UNCLEAN: "false"}

    def shortfalls(self, replicas: int, config: Mapping[str, str]) -> list[Shortfall]:
        """What a topic lacks; more than was declared is no shortfall.

        Args:
            replicas: of the partition that has the fewest.
            config: of the topic, with the defaults of the brokers.
        """
        if self.replication == 1:
            return []
        least, unclean = config.get(MIN_INSYNC, "1"), config.get(UNCLEAN, "false")
        found = [Shortfall("replicas", str(replicas), str(self.replication))] if replicas < self.replication else []
        found += [Shortfall(MIN_INSYNC, least, str(self.min_insync))] if int(least) < self.min_insync else []
        return [*found, *([Shortfall(UNCLEAN, unclean, "false")] if unclean != "false" else [])]


def declared_durability(replication: int | None, min_insync: int | None, brokers: int) -> Durability:
    """What the settings ask of a cluster.

    Args:
        replication: as set; None: 3 with three brokers or more, else 1.
        min_insync: as set; None: the majority of the replicas.
        brokers: of the cluster, also those that are away.

    Raises:
        InputError: the settings promise nothing, or what no cluster can keep.
    """
    copies = replication or (SEVERAL if brokers >= SEVERAL else 1)
    needed = min_insync or copies // 2 + 1
    if needed > copies:
        raise InputError(
            f"{needed} brokers must have each record, and {copies} {'get' if copies > 1 else 'gets'} it",
            where=f"GRID_ROUTER_MIN_INSYNC_REPLICAS={needed}",
            hint=f"set it to {copies // 2 + 1}, or unset it",
        )
    if needed < 2 <= copies:
        raise InputError(
            "a record that one broker alone has is acknowledged, and lost with its disk",
            where=f"GRID_ROUTER_MIN_INSYNC_REPLICAS={needed}",
            hint=f"set it to {copies // 2 + 1}, or unset it",
        )
    return Durability(copies, needed)


def too_few_brokers(replication: int, brokers: int, where: str) -> BrokerError:
    """The error of a cluster that has fewer brokers than each record needs.

    Args:
        replication: as declared.
        brokers: that answer.
        where: addresses of the cluster.
    """
    return BrokerError(
        f"each record needs {replication} brokers, and the cluster has {brokers} now",
        where=where,
        hint=f"start the others, or set GRID_ROUTER_REPLICATION to no more than {brokers}",
    )
