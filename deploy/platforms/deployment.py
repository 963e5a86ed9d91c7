"""The one source of a deployment: which programs run, by which command, with which settings, limits and probes.

`container.py`, `compose.py`, `kubernetes.py` and `systemd.py` render it; none of them has a fact of its own about the router.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from router.wire.settings import PREFIX

CITY = "puyang"
IMAGE = "grid-router:0.2.0"
PYTHON_IMAGE = "docker.io/library/python:3.11-slim-bookworm"
KAFKA_IMAGE = "docker.io/apache/kafka:4.1.2"
PROMETHEUS_IMAGE = "docker.io/prom/prometheus:v3.5.0"
GRAFANA_IMAGE = "docker.io/grafana/grafana:12.1.0"

USER = 65532
"""User and group of the router in containers: no account of any system."""
VENV = "/opt/grid-router"
CITIES = "/cities"
HOME = "/var/lib/grid-router"
"""The only folder that the router writes to. Nothing in it must outlive a worker: all state is in Kafka."""
SECRETS = "/run/secrets"
STOP_S = 30
"""How long a program may take to end. It must be longer than `GRID_ROUTER_DRAIN_S` and the gateway's last requests."""


@dataclass(frozen=True)
class Probe:
    """A path that answers 200 while all is well."""

    path: str
    every_s: int = 5
    within_s: int = 3
    failures: int = 3


@dataclass(frozen=True)
class Program:
    """One kind of process.

    Args:
        name: of the program, without `grid-router-`.
        command: arguments of `grid-router`.
        copies: how many run.
        port: on which it serves HTTP.
        ready: whether it should get work.
        alive: whether its process must be restarted; None for one that ends itself.
        settings: its own, without the prefix.
        secrets: setting that names a file -> name of that file.
        cpu: cores that it asks for.
        memory_mib: most memory.
    """

    name: str
    command: tuple[str, ...]
    copies: int
    port: int
    ready: Probe
    alive: Probe | None
    cpu: str
    memory_mib: int
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


WORKER = Program(
    name="worker",
    command=("worker", CITY),
    copies=2,
    port=19100,
    ready=Probe("/health"),
    alive=None,
    cpu="1",
    memory_mib=2048,
    settings={"METRICS_HOST": "0.0.0.0", "METRICS_PORT": "19100"},  # noqa: S104 - of a container or pod of its own
    secrets={"OFFSET_KEYS": "offset-keys"},
)
GATEWAY = Program(
    name="gateway",
    command=("gateway", CITY),
    copies=2,
    port=19180,
    ready=Probe("/readyz"),
    alive=Probe("/livez", every_s=10, failures=6),
    cpu="500m",
    memory_mib=1024,
    settings={"GATEWAY_HOST": "0.0.0.0", "GATEWAY_PORT": "19180"},  # noqa: S104 - the same
    secrets={"GATEWAY_TOKENS": "gateway-tokens", "GATEWAY_RECEIPT_KEYS": "receipt-keys"},
)
PROGRAMS = (WORKER, GATEWAY)
TOPICS = ("topics", "apply", CITY)
"""What runs once before the others, and again after an upgrade."""
SHARED = {"CITIES": CITIES, "HOME": HOME, "PARTITIONS": "8"}
"""Settings of every program. Partitions cannot change once cases exist; eight are enough for eight workers."""


def environment(kafka: str, program: Program | None = None, secrets: str = SECRETS) -> dict[str, str]:
    """The environment of a program, or of the command that applies the topics.

    Args:
        kafka: `host:port` list of the cluster.
        program: whose own settings count; None for `TOPICS`.
        secrets: the folder of its secrets.
    """
    own = {} if program is None else program.settings
    files = {} if program is None else {name: f"{secrets}/{file}" for name, file in program.secrets.items()}
    return {f"{PREFIX}{name}": value for name, value in {"KAFKA": kafka, **SHARED, **own, **files}.items()}
