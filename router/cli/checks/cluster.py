"""What `doctor` checks on the cluster: whether it answers, its topics, its durability, and networks without a reader."""

from contextlib import suppress

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.protocol.consumer.offsets import OffsetSpec

from router.broker import admin, server
from router.cities.folder import load_city
from router.cli.checks.outcome import Skipped
from router.domain.model.feedback import SUPERVISION
from router.wire.declared_topics import topics_of
from router.wire.durability import too_few_brokers
from router.wire.errors import BrokerError, CityError, TopicError
from router.wire.other_topics import elsewhere, renamed_topics
from router.wire.settings import Settings
from router.wire.topic_names import Names

AUTO_CREATE = "auto.create.topics.enable"


def broker(settings: Settings) -> str:
    """The cluster answers, and does not create topics automatically."""
    found = server.status(settings)
    if found.state == "stopped":
        raise BrokerError("Kafka is not running", where=found.address, hint="`grid-router broker start`")
    if not found.running:
        log = f"; its log is {found.log}" if found.log else ""
        raise BrokerError(f"no Kafka broker answers{log}", where=found.address, hint="start it, or name another one")
    with admin.connected(found.address) as client:
        brokers = client.describe_cluster()["brokers"]
        resource = ConfigResource(ConfigResourceType.BROKER, str(brokers[0]["broker_id"]))
        answer = client.describe_configs([resource], config_filter="all")
    configs = next(iter(next(iter(answer.values())).values()))
    if configs[AUTO_CREATE]["value"] == "true":
        raise BrokerError(
            "the cluster creates topics automatically, so a mistyped name becomes a topic",
            where=found.address,
            hint="set auto.create.topics.enable=false on its brokers",
        )
    return f"{found.address} answers, {len(brokers)} broker{'s' if len(brokers) > 1 else ''}, {found.state}"


def topics(settings: Settings, name: str) -> str:
    """The topics are as declared; the check is skipped when the city has no topics here."""
    if not server.status(settings).running:
        raise Skipped("no broker runs")
    try:
        city = load_city(name, settings.cities)
    except CityError:
        raise Skipped("the city cannot be loaded; see its catalogue") from None
    wanted = topics_of(city, settings)
    asked = {"replication": settings.replication, "min_insync": settings.min_insync_replicas}
    found = admin.plan(server.bootstrap(settings), wanted, **asked)
    if old := renamed_topics([str(change.found) for change in found.renamed], wanted):
        raise old
    for change in found.rejected:
        raise TopicError(
            f"{change.found} partitions, {change.declared} declared",
            where=change.topic,
            hint=f"set GRID_ROUTER_PARTITIONS={change.found}, or use another GRID_ROUTER_NAMESPACE",
        )
    if all(change.action == "create" for change in found.changes) and not found.unchanged:
        other = elsewhere(admin.existing(server.bootstrap(settings)), settings.namespace)
        raise Skipped(f"the city has no topics; `grid-router topics apply {name}` creates them{other}")
    if found.changes:
        raise TopicError(
            f"{len(wanted) - found.unchanged} of {len(wanted)} topics are missing or differ",
            hint=f"`grid-router topics plan {name}` shows them, `grid-router topics apply {name}` corrects them",
        )
    return f"{len(wanted)} as declared"


def durability(settings: Settings, cities: list[str]) -> str:
    """Each record is on as many brokers as declared, and none is away."""
    if not server.status(settings).running:
        raise Skipped("no broker runs")
    address, wanted = server.bootstrap(settings), []
    for name in cities:
        with suppress(CityError):
            wanted += topics_of(load_city(name, settings.cities), settings)
    asked = {"replication": settings.replication, "min_insync": settings.min_insync_replicas}
    found = admin.durability_of(address, wanted, **asked)
    if found.brokers < found.declared.replication:
        raise too_few_brokers(found.declared.replication, found.brokers, address)
    if not found.topics and found.declared.replication > 1:
        raise Skipped(
            f"no topics yet; `grid-router topics apply CITY` gives each {found.declared.replication} replicas"
        )
    for change in found.shortfalls:
        less = f"{change.what} is {change.found or 'unset'}, {change.declared} is declared"
        raise TopicError(
            "the topic does not exist yet" if change.action == "create" else less,
            where=change.topic,
            hint="`grid-router topics apply CITY` corrects it and all others",
        )
    if found.behind:
        start = "`grid-router broker start` starts a" if settings.kafka is None else "start the"
        raise BrokerError(
            f"{found.behind} partitions have fewer replicas in sync than declared",
            where=address,
            hint=f"{start} broker that is away; one that runs needs time to catch up",
        )
    if found.declared.replication == 1:
        why = "GRID_ROUTER_REPLICATION=1" if found.brokers > 1 else "1 broker"
        return f"1 replica ({why}): what the broker's disk loses is lost; three brokers keep it"
    return f"{found.declared.replication} replicas, {found.declared.min_insync} must have a record before it is acknowledged"


def networks(settings: Settings, cities: list[str]) -> str:
    """Every topic of reports or feedback that has records belongs to a network or department of a city, so that a worker can read it."""
    if not server.status(settings).running:
        raise Skipped("no broker runs")
    names = Names(settings.namespace)
    known: set[str] = set()
    for name in cities:
        with suppress(CityError):
            city = load_city(name, settings.cities)
            known |= {names.reports(network) for network in city.codes}
            known |= {names.feedback(sender) for sender in (*city.catalogue.departments, SUPERVISION)}
    if not known:
        raise Skipped("no city can be loaded")
    address = server.bootstrap(settings)
    present = [topic for topic in admin.existing(address) if names.is_input(topic)]
    unread = admin.records_of(address, [topic for topic in present if topic not in known])
    for topic, records in sorted(unread.items()):
        raise _unread(topic, records, names)
    return f"{len(present)} topics {names.reports('*')} and {names.feedback('*')}, each with a network or a department"


def _unread(topic: str, records: int, names: Names) -> TopicError:
    sender = names.sender_of(topic)
    if sender is None:
        whose, network = "network", topic.removeprefix(names.reports(""))
        hint = f"add codes/{network}.csv to the city and publish it (docs/how-to/add-a-network.md)"
    else:
        whose, hint = "department", "add it to departments.yaml and publish it, or find out who writes there"
    what = f"the topic has {records} records, and no city here has its {whose}, so no worker reads it"
    return TopicError(what, where=topic, hint=hint)


def newest_record(settings: Settings) -> float | None:
    """Newest timestamp of the grid stream in seconds since 1970; None when there is none."""
    name = Names(settings.namespace).events
    if not server.status(settings).running:
        return None
    with admin.connected(server.bootstrap(settings)) as client:
        if name not in client.list_topics():
            return None
        (described,) = client.describe_topics([name])
        partitions = [TopicPartition(name, number) for number in range(len(described["partitions"]))]
        found = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.MAX_TIMESTAMP))
    newest = max(one.timestamp for one in found.values())
    return newest / 1000 if newest >= 0 else None
