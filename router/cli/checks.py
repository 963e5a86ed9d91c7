"""The checks of `doctor`. Each returns its result, or raises a RouterError with a hint."""

import platform
import shlex
import shutil
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.protocol.consumer.offsets import OffsetSpec
from msgspec import Struct

from router.broker import admin, server
from router.broker.java import find_java
from router.broker.process import check_ports
from router.cities.city_reader import display_path, read_city, read_tests
from router.cities.folder import city_folder, load_city
from router.cli.published import read_published
from router.cli.schemas import DEFAULT, drifted, made
from router.domain.rules.in_effect import in_effect, takes_effect
from router.stream.rule_sets.folder_check import folder_difference
from router.wire.durability import too_few_brokers
from router.wire.errors import BrokerError, CityError, InputError, RouterError, TopicError
from router.wire.offset_keys import offset_keys
from router.wire.private_files import open_to_others
from router.wire.rule_sets import RuleSetRecord
from router.wire.settings import Settings, misspelt, renamed_settings
from router.wire.topics import Names, elsewhere, renamed_topics, topics_of

OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 2 << 30
"""Kafka stops when its disk is full; the topics of the demo city use less than a tenth of this."""
WRITTEN = datetime(2026, 11, 24, tzinfo=UTC)
"""The day of this release; an earlier clock is wrong."""
AHEAD_SECONDS = 60.0
OWN_FOLDERS = ("kafka", "logs", "faust")
"""Folders below GRID_ROUTER_HOME that hold records or logs."""
AUTO_CREATE = "auto.create.topics.enable"


class Check(Struct, frozen=True, kw_only=True):
    """The outcome of one check."""

    name: str
    state: Literal["ok", "failed", "skipped"]
    found: str
    hint: str | None = None


class Skipped(Exception):  # noqa: N818 - not an error: there is nothing to check
    """The check is impossible or not needed; the text says why."""


def examine(settings: Settings, city: str | None) -> Iterator[Check]:
    """All checks in order, each as soon as it ends.

    Args:
        settings: of the deployment.
        city: whose topics, folder and rules are checked; None: the city that is deployed in the namespace, if one is.
    """
    yield _outcome("python", python)
    yield _outcome("settings", names_of_settings)
    yield _outcome("signatures", lambda: signatures(settings))
    yield _outcome("java", lambda: java(settings))
    yield _outcome("ports", lambda: ports(settings))
    yield _outcome("broker", lambda: broker(settings))
    deployed: list[str] = []
    yield _outcome("city", lambda: deployed_city(settings, city, deployed))
    for name in deployed:
        yield _outcome(f"topics {name}", lambda name=name: topics(settings, name))  # type: ignore[misc]
    yield _outcome("durability", lambda: durability(settings, deployed))
    yield _outcome("networks", lambda: networks(settings, deployed))
    yield _outcome("schemas", schemas)
    for name in deployed:
        yield _outcome(f"catalogue {name}", lambda name=name: catalogue(settings, name))  # type: ignore[misc]
        yield _outcome(f"rules {name}", lambda name=name: rules(settings, name))  # type: ignore[misc]
    yield _outcome("clock", lambda: clock(settings))
    yield _outcome("disk", lambda: disk(settings))
    yield _outcome("privacy", lambda: privacy(settings))


def _outcome(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name=name, state="ok", found=check())
    except Skipped as why:
        return Check(name=name, state="skipped", found=str(why))
    except RouterError as error:
        place = f"{error.where}: " if error.where else ""
        return Check(name=name, state="failed", found=f"{place}{error.what}", hint=error.hint)


def python(version: tuple[int, ...] = sys.version_info[:3]) -> str:
    """Python is new enough."""
    text = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        raise InputError(f"Python {text} is too old", hint="create the environment again with Python 3.11 or newer")
    return f"{platform.python_implementation()} {text}"


def names_of_settings() -> str:
    """No environment variable is a misspelt setting, or one of an earlier version."""
    for name, now in renamed_settings().items():
        raise InputError(f"{name} changes nothing, because that setting is now {now}", hint="rename the variable")
    for name, meant in misspelt().items():
        raise InputError(
            f"{name} is no setting and changes nothing", hint=f"set {meant} if that is meant, and unset {name}"
        )
    return "every variable is a setting"


def signatures(settings: Settings) -> str:
    """The keys of stored offsets can be read."""
    if not offset_keys(settings, server.bootstrap(settings)):
        raise Skipped(
            "no keys, so a stored offset that another program wrote counts; GRID_ROUTER_OFFSET_KEYS names them, "
            "`grid-router broker keys FILE` makes them"
        )
    return "stored offsets are signed"


def java(settings: Settings) -> str:
    """A Java runtime for the embedded broker."""
    if settings.kafka is not None:
        raise Skipped("an outside cluster is in use")
    found = find_java()
    return f"Java {found.version} ({found.origin}, {found.path})"


def ports(settings: Settings) -> str:
    """The ports are free, or in use by our own broker and workers."""
    parts = []
    if settings.kafka is None:
        taken = server.ports(settings, server.folders_in_use(settings))
        held = _holder(server.status(settings))
        if held is None:
            check_ports(taken)
        named = " and ".join(map(str, taken)) if len(taken) == 2 else f"{taken[0]} to {taken[-1]}"
        parts.append(f"{named} {'free' if held is None else f'in use by {held}'}")
    if settings.metrics_port:
        parts.append(f"{settings.metrics_port} {_metrics_port(settings)}")
    return ", ".join(parts) or "none needed"


def _holder(found: server.Status) -> str | None:
    """Our broker or brokers that run; None when none does."""
    pids = [str(node.pid) for node in found.nodes if node.pid is not None]
    if len(pids) > 1:
        return f"our brokers (processes {', '.join(pids)})"
    return None if found.pid is None else f"our broker (process {found.pid})"


def _metrics_port(settings: Settings) -> str:
    address = (settings.metrics_host, settings.metrics_port)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if _serves_our_metrics(address):
                return "in use by our worker"
            raise InputError(
                f"the metrics of the workers cannot be served ({error.strerror})",
                where=f"{address[0]}:{address[1]}",
                hint="stop the program that uses the port, or set GRID_ROUTER_METRICS_PORT (0 switches metrics off)",
            ) from error
    return "free"


def _serves_our_metrics(address: tuple[str, int]) -> bool:
    url = f"http://{address[0]}:{address[1]}/metrics"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return b"grid_reports" in answer.read()
    except (OSError, ValueError):
        return False


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


def deployed_city(settings: Settings, named: str | None, found: list[str]) -> str:
    """The city to check: the named one, else the one whose rule set is in effect. Adds it to `found`."""
    if named is not None:
        found.append(named)
        return f"{named}, as named"
    active = in_effect(_published(settings), datetime.now(UTC))
    if active is None:
        raise Skipped("no city is deployed here yet; `grid-router doctor CITY` checks a city's folder")
    found.append(active.city)
    return f"{active.city} is deployed; its rule set {active.version} is in effect"


def rules(settings: Settings, name: str) -> str:
    """The city's folder is the rule set in effect."""
    published = _published(settings)
    try:
        city = load_city(name, settings.cities)
    except CityError:
        raise Skipped("the city cannot be loaded; see its catalogue") from None
    now = datetime.now(UTC)
    if difference := folder_difference(city, display_path(city_folder(name, settings.cities)), published, now):
        raise difference
    if not published:
        raise Skipped("no rule set is published yet; the first worker publishes the folder")
    active, later = in_effect(published, now), takes_effect(published, city.rule_set, now)
    if active and active.version != city.rule_set and later and later.effective_from:
        return f"the folder's rule set {city.rule_set} takes effect at {_shown(later.effective_from.timestamp())}"
    return f"the folder's rule set {city.rule_set} is in effect"


def _published(settings: Settings) -> list[RuleSetRecord]:
    """All published rule sets. Raises Skipped when there can be none."""
    if not server.status(settings).running:
        raise Skipped("no broker runs")
    address, topic = server.bootstrap(settings), Names(settings.namespace).rule_sets
    existing = admin.existing(address)
    if topic not in existing:
        raise Skipped(
            f"no city is deployed here{elsewhere(existing, settings.namespace)}; `grid-router doctor CITY` checks a city's folder"
        )
    return read_published(address, topic)


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
    """Every network's topic that has records belongs to a network of a city, so that a worker can read it."""
    if not server.status(settings).running:
        raise Skipped("no broker runs")
    names = Names(settings.namespace)
    known: set[str] = set()
    for name in cities:
        with suppress(CityError):
            known |= {names.reports(network) for network in load_city(name, settings.cities).codes}
    if not known:
        raise Skipped("no city can be loaded")
    address = server.bootstrap(settings)
    present = [topic for topic in admin.existing(address) if topic.startswith(names.reports(""))]
    unread = admin.records_of(address, [topic for topic in present if topic not in known])
    for topic, records in sorted(unread.items()):
        raise TopicError(
            f"the topic has {records} records, and no city here has its network, so no worker reads it",
            where=topic,
            hint=f"add codes/{topic.removeprefix(names.reports(''))}.csv to the city and publish it (docs/how-to/add-a-network.md)",
        )
    return f"{len(present)} topics {names.reports('*')}, each with a network"


def schemas(folder: Path = DEFAULT) -> str:
    """The JSON Schemas in the source tree match the models."""
    if not folder.is_dir():
        raise Skipped("no source tree here")
    files = made()
    for path, what in drifted(folder, files).items():
        raise InputError(f"the schema {what}", where=str(folder / path), hint="run `make schemas`")
    return f"{len(files)} files as the models make them"


def catalogue(settings: Settings, name: str) -> str:
    """The city's folder has no errors."""
    folder = city_folder(name, settings.cities)
    reading = read_city(name, folder)
    findings = [*reading.findings, *read_tests(folder)[1]]
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if errors[1:] else ""
        raise CityError(
            f"{errors[0].code} {errors[0].message}{more}",
            where=errors[0].place,
            hint=f"{errors[0].hint}; `grid-router catalogue lint {name}` shows all",
        )
    city = load_city(name, settings.cities)
    return f"{len(city.catalogue.departments)} departments, {len(city.catalogue.matters)} matters, {len(findings)} warnings"


def clock(settings: Settings, now: float | None = None) -> str:
    """The clock is not before the day of this release, and not behind the newest record of the grid stream.

    There is no comparison with a time server, so the check does not notice a clock that is ahead.
    """
    seconds = time.time() if now is None else now
    hint = "set the clock of this machine, preferably by NTP"
    if seconds < WRITTEN.timestamp():
        raise InputError(f"it shows {_shown(seconds)}, before the day of this release", hint=hint)
    newest = _newest_record(settings)
    if newest is None:
        return f"{_shown(seconds)}; plausible, there is no record to compare with"
    if newest > seconds + AHEAD_SECONDS:
        raise InputError(f"it shows {_shown(seconds)}, but the newest record is from {_shown(newest)}", hint=hint)
    return f"{_shown(seconds)}; not behind the newest record ({_shown(newest)}); not compared with a time server"


def _newest_record(settings: Settings) -> float | None:
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


def _shown(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")


def disk(settings: Settings) -> str:
    """Free space for Kafka's data and the logs."""
    home = settings.home.absolute()
    parent = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(parent).free
    text = f"{free / (1 << 30):.1f} GiB free in {_relative(home)}"
    if free < LEAST_FREE_BYTES:
        raise InputError(text, hint="free some space, or set GRID_ROUTER_HOME to a folder on a larger disk")
    return text


def privacy(settings: Settings) -> str:
    """Kafka's data and the logs, which hold citizens' reports, are their user's alone."""
    folders = [settings.home.absolute() / name for name in OWN_FOLDERS]
    there = [folder for folder in folders if folder.exists()]
    if not there:
        raise Skipped("there are no data and no logs yet")
    for folder in open_to_others(*there):
        raise InputError(
            "other users of this machine may read it",
            where=_relative(folder),
            hint=f"`chmod -R go= {shlex.quote(_relative(folder))}`",
        )
    return f"only this user reads {', '.join(map(_relative, there))}"


def _relative(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
