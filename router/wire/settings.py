"""Every setting of grid-router, read from environment variables with one prefix; no other module reads these."""

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "GRID_ROUTER_"
_NAMESPACE = re.compile(r"([a-z0-9][a-z0-9-]{0,40}\.)?")
NEARLY = 0.8
"""Similarity of a misspelt name and its setting (`difflib`, 0 to 1): all but a letter or two."""
RENAMED = {"OPENING_LIMIT_S": "RESTORE_LIMIT_S", "UNREAD_LIMIT_S": "FETCH_LIMIT_S"}
"""Settings of earlier versions -> their names now."""


class KafkaSecurity(BaseSettings):
    """How every client of Kafka authenticates, itself and the cluster. `router/wire/security.py` checks them together."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, use_attribute_docstrings=True)

    kafka_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] | None = None
    """How clients speak to Kafka; without it, PLAINTEXT, and to a secured embedded broker as that needs it."""
    kafka_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] | None = None
    """The SASL mechanism of the two protocols with SASL; without it, SCRAM-SHA-512."""
    kafka_user: str | None = None
    """The user name of SASL."""
    kafka_password: SecretStr | None = None
    """The password of SASL. Prefer the file: other programs of this user can read the environment."""
    kafka_password_file: Path | None = None
    """A file with the password alone; a line end after it does not count."""
    kafka_ca: Path | None = None
    """A PEM file with the certificates that the cluster's must go back to; without it, those that the system trusts."""
    kafka_certificate: Path | None = None
    """A PEM file with the client's certificate and its chain, for a cluster that asks for one (mTLS)."""
    kafka_key: Path | None = None
    """A PEM file with the key of that certificate, without a passphrase."""


class Settings(KafkaSecurity):
    """All settings. Environment variables carry the prefix `GRID_ROUTER_`, e.g. `GRID_ROUTER_KAFKA=host:9092`."""

    kafka: str | None = None
    """Addresses of an outside cluster, `host:port[,host:port]`; without it, the embedded broker."""
    home: Path = Path(".grid-router")
    """Folder of the embedded broker's data, its log and the workers' logs."""
    cities: Path | None = None
    """Folder of the cities; without it, `deploy/cities` of the working folder or of the source tree."""
    offset_keys: Path | None = None
    """File with the keys that sign stored offsets, the same for all workers; `grid-router broker keys FILE` makes one."""
    broker_port: int = Field(default=19092, ge=1, le=65535)
    """Loopback port of the embedded broker; its controller listens on the next one. Three brokers take the next five, too."""
    replication: int | None = Field(default=None, ge=1)
    """Replication factor of every topic; without it, 3 on a cluster of three brokers or more, else 1."""
    min_insync_replicas: int | None = Field(default=None, ge=1)
    """Brokers that must have a record before it is acknowledged; without it, the majority of the replicas: 2 of 3."""
    partitions: int = Field(default=4, ge=1, le=1024)
    """Partitions of every topic keyed by place; this number cannot change once cases exist."""
    standby_copies: int = Field(default=1, ge=0, le=1)
    """Copies of each partition's state in other workers, which take over at once when its worker dies; 0 saves their memory."""
    archive_years: int = Field(default=10, ge=1, le=100)
    """How many years `grid.archive` keeps cases that are finished; `grid-router topics apply` sets it on the topic."""
    namespace: str = ""
    """Prefix of every topic, group and transactional id, e.g. `drill.`; empty in production."""
    metrics_port: int = Field(default=19100, ge=0, le=65535)
    """First port of `/metrics` and `/health`; worker n listens on this port plus n; 0 switches both off."""
    metrics_host: str = "127.0.0.1"
    """Address on which `/metrics` and `/health` listen."""
    gateway_host: str = "127.0.0.1"
    """Address on which the gateway for apps listens. It speaks plain HTTP: put a proxy with TLS in front of another address."""
    gateway_port: int = Field(default=19180, ge=1, le=65535)
    """Port of the gateway for apps."""
    gateway_tokens: Path | None = None
    """File of the gateway's token hashes; `grid-router tokens add` writes it."""
    gateway_jwks: Path | None = None
    """File with the public keys (JWKS, RFC 7517) of the JWTs that the gateway takes; with it, issuer and audience are required."""
    gateway_issuer: str | None = None
    """The `iss` that a JWT must have."""
    gateway_audience: str | None = None
    """The `aud` that a JWT must have."""
    gateway_receipt_keys: Path | None = None
    """File with the keys of receipts, the same for all gateways; without it, there are none. `grid-router tokens receipt-keys FILE` makes one."""
    gateway_rate: float = Field(default=50.0, gt=0, le=100_000)
    """Reports per second that the gateway takes of one token; ten seconds' worth may come at once."""
    traces: bool = False
    """Send traces with OpenTelemetry. Its own variables say where to and how many, such as `OTEL_EXPORTER_OTLP_ENDPOINT`."""
    log_format: Literal["text", "json"] = "text"
    """Form of the log of workers and gateways on stderr: text, or one JSON object in each line."""
    commit_limit_s: float = Field(default=120.0, ge=1)
    """A worker ends itself when a fetched record is not committed after this time. See docs/how-to/operate.md."""
    loop_limit_s: float = Field(default=30.0, ge=1)
    """A worker ends itself when its event loop is blocked for this time."""
    broker_limit_s: float = Field(default=60.0, ge=1)
    """A worker ends itself when no broker of the cluster answers for this time."""
    rebalance_limit_s: float = Field(default=60.0, ge=1)
    """A worker ends itself when a rebalance, also the first one, does not complete in this time."""
    restore_limit_s: float = Field(default=900.0, ge=1)
    """A worker ends itself when the restore of a partition comes no further for this time."""
    fetch_limit_s: float = Field(default=120.0, ge=1)
    """A worker ends itself when it fetches no record of a partition that has some for this time."""
    drain_s: float = Field(default=9.0, ge=1)
    """Time in which a worker that receives SIGTERM finishes its running transactions."""

    @field_validator("namespace")
    @classmethod
    def _ends_with_a_dot(cls, namespace: str) -> str:
        if not _NAMESPACE.fullmatch(namespace):
            raise ValueError(
                "a namespace is empty, or lower-case letters, digits and hyphens and a dot at its end, as in `drill.`"
            )
        return namespace


def misspelt() -> dict[str, str]:
    """Variables that are almost a setting -> the setting that is probably meant.

    Other unknown variables are not reported: Kubernetes sets variables like `GRID_ROUTER_SERVICE_HOST` in every
    container when a service has our name.
    """
    settings = [name.upper() for name in Settings.model_fields]
    near = {name: get_close_matches(own, settings, 1, NEARLY) for name, own in _given().items() if own not in RENAMED}
    return {name: f"{PREFIX}{meant[0]}" for name, meant in near.items() if meant and meant[0] != _given()[name]}


def renamed_settings() -> dict[str, str]:
    """Variables that were a setting in an earlier version -> the setting now."""
    return {name: f"{PREFIX}{RENAMED[own]}" for name, own in _given().items() if own in RENAMED}


def _given() -> dict[str, str]:
    """Variables with our prefix -> their names in capitals without it."""
    return {name: name.upper().removeprefix(PREFIX) for name in sorted(os.environ) if name.upper().startswith(PREFIX)}
