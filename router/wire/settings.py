"""Every setting, read from the environment with one prefix; nothing else reads the environment."""

import os
import re
from difflib import get_close_matches
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "GRID_ROUTER_"
_NAMESPACE = re.compile(r"([a-z0-9][a-z0-9-]{0,40}\.)?")
NEARLY = 0.8
"""How alike a misspelt name and its setting are (`difflib`, 0 to 1): all but a letter or two."""


class Settings(BaseSettings):
    """All settings. Environment variables carry the prefix `GRID_ROUTER_`, e.g. `GRID_ROUTER_KAFKA=host:9092`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    kafka: str | None = None
    """`host:port[,host:port]` of an outside cluster; None: the embedded broker."""
    home: Path = Path(".grid-router")
    """Folder of the embedded broker's data, its log and the workers' logs."""
    cities: Path | None = None
    """Folder that holds the cities; None: `deploy/cities` of the working folder or of the source tree."""
    broker_port: int = Field(default=19092, ge=1, le=65535)
    """Loopback port of the embedded broker; its controller listens on the next one."""
    replication: int = Field(default=1, ge=1)
    """Replication factor of topics; 3 on a cluster."""
    partitions: int = Field(default=4, ge=1, le=1024)
    """Partitions of every topic that is keyed by place; cannot change once cases exist."""
    namespace: str = ""
    """Prefix of every topic, group and transactional id, e.g. `drill.`; empty in production."""
    metrics_port: int = Field(default=19100, ge=0, le=65535)
    """First loopback port of `/metrics`; worker n listens on this plus n; 0 switches them off."""
    metrics_host: str = "127.0.0.1"
    commit_limit_s: float = Field(default=120.0, ge=1)
    """A record in hand of a worker that is not committed for so long ends the worker; see docs/how-to/operate.md."""
    loop_limit_s: float = Field(default=30.0, ge=1)
    """Likewise an event loop that does not turn."""
    broker_limit_s: float = Field(default=60.0, ge=1)
    """Likewise a cluster of which no broker answers."""
    rebalance_limit_s: float = Field(default=60.0, ge=1)
    """Likewise a sharing of the partitions that does not come to an end, the first one included."""
    restore_limit_s: float = Field(default=900.0, ge=1)
    """Likewise a partition that does not come to process."""
    fetch_limit_s: float = Field(default=120.0, ge=1)
    """Likewise a partition that has records of which none is read."""
    drain_s: float = Field(default=9.0, ge=1)
    """How long a worker that is asked to end may take to finish what it has begun."""

    @field_validator("namespace")
    @classmethod
    def _ends_with_a_dot(cls, namespace: str) -> str:
        if not _NAMESPACE.fullmatch(namespace):
            raise ValueError(
                "a namespace is empty, or lower-case letters, digits and hyphens and a dot at its end, as in `drill.`"
            )
        return namespace


def misspelt() -> dict[str, str]:
    """Variables of the environment that are no setting but nearly one, with the setting that is probably meant.

    Only such: Kubernetes hands every container variables like `GRID_ROUTER_SERVICE_HOST` when a service has our name.
    """
    settings = [name.upper() for name in Settings.model_fields]
    given = {name: name.upper().removeprefix(PREFIX) for name in sorted(os.environ) if name.upper().startswith(PREFIX)}
    near = {name: get_close_matches(short, settings, 1, NEARLY) for name, short in given.items()}
    return {name: f"{PREFIX}{meant[0]}" for name, meant in near.items() if meant and meant[0] != given[name]}
