"""The compose file: three brokers, workers, a gateway, Prometheus and Grafana on one machine."""

from typing import Any

from deploy.platforms import brokers
from deploy.platforms.deployment import (
    GATEWAY,
    GRAFANA_IMAGE,
    HOME,
    IMAGE,
    KAFKA_IMAGE,
    PROGRAMS,
    PROMETHEUS_IMAGE,
    SECRETS,
    STOP_S,
    TOPICS,
    USER,
    WORKER,
    Probe,
    Program,
    environment,
)
from deploy.platforms.text import document

HOST = "127.0.0.1"
METRICS_TOKEN, GRAFANA_PASSWORD = "metrics-token", "grafana-password"
PROMETHEUS_USER, GRAFANA_USER = 65534, 472
"""Users of the stock images. Our group lets them read their secrets."""
INSIDE, OUTSIDE = "inside", "outside"
LOCKED: dict[str, Any] = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"], "restart": "unless-stopped"}
KAFKA_READY = f"/opt/kafka/bin/kafka-broker-api-versions.sh --bootstrap-server localhost:{brokers.PORT} > /dev/null"


def files() -> dict[str, str]:
    """Path below `deploy` -> text."""
    return {
        "compose/compose.yaml": document(_project(), "docs/how-to/deploy.md says how to start it."),
        "compose/prometheus.yaml": document(_prometheus()),
        "compose/grafana/datasources/prometheus.yaml": document(_datasource()),
        "compose/grafana/dashboards/files.yaml": document(_provider()),
    }


def _project() -> dict[str, Any]:
    secrets = sorted({*(file for one in PROGRAMS for file in one.secrets.values()), METRICS_TOKEN, GRAFANA_PASSWORD})
    numbers = range(1, brokers.NUMBER + 1)
    return {
        "name": "grid-router",
        "services": {
            **{brokers.name_of(number): _broker(number) for number in numbers},
            "topics": _topics(),
            **{one.name: _program(one) for one in PROGRAMS},
            "prometheus": _prometheus_service(),
            "grafana": _grafana_service(),
        },
        "networks": {INSIDE: {"internal": True}, OUTSIDE: {}},
        "volumes": {name: {} for name in (*(brokers.name_of(one) for one in numbers), "prometheus", "grafana")},
        "secrets": {name: {"file": f"secrets/{name}"} for name in secrets},
    }


def _broker(number: int) -> dict[str, Any]:
    return {
        "image": KAFKA_IMAGE,
        **LOCKED,
        "hostname": brokers.name_of(number),
        "environment": brokers.environment(number),
        "volumes": [f"{brokers.name_of(number)}:{brokers.DATA}"],
        "networks": [INSIDE],
        "healthcheck": {
            "test": ["CMD-SHELL", KAFKA_READY],
            "interval": "15s",
            "timeout": "15s",
            "retries": 10,
            "start_period": "30s",
        },
        "stop_grace_period": "60s",
    }


def _ours(command: tuple[str, ...], variables: dict[str, str]) -> dict[str, Any]:
    return {
        "image": IMAGE,
        **LOCKED,
        "command": list(command),
        "user": f"{USER}:{USER}",
        "read_only": True,
        "tmpfs": [f"{HOME}:uid={USER},gid={USER},mode=0700", "/tmp:mode=1777"],  # noqa: S108 - of the container
        "environment": variables,
    }


def _topics() -> dict[str, Any]:
    healthy = {brokers.name_of(one): {"condition": "service_healthy"} for one in range(1, brokers.NUMBER + 1)}
    return {
        **_ours(TOPICS, environment(brokers.addresses())),
        "build": {"context": "../..", "dockerfile": "deploy/container/Containerfile"},
        "restart": "on-failure",
        "networks": [INSIDE],
        "depends_on": healthy,
    }


def _program(one: Program) -> dict[str, Any]:
    opened = one is GATEWAY
    return {
        **_ours(one.command, environment(brokers.addresses(), one)),
        "pull_policy": "never",
        "secrets": list(one.secrets.values()),
        "networks": [INSIDE, OUTSIDE] if opened else [INSIDE],
        **({"ports": [f"{HOST}:{one.port}:{one.port}"]} if opened else {}),
        "healthcheck": _healthcheck(one.ready, one.port),
        "depends_on": {"topics": {"condition": "service_completed_successfully"}},
        "stop_grace_period": f"{STOP_S}s",
        "pids_limit": 256,
        # one published port has one owner; more gateways need a proxy in front
        "deploy": {
            "replicas": 1 if opened else one.copies,
            "resources": {"limits": {"memory": f"{one.memory_mib}M"}},
        },
    }


def _healthcheck(probe: Probe, port: int) -> dict[str, Any]:
    """A read of the path in Python, because a slim image has no curl."""
    url = f"http://{HOST}:{port}{probe.path}"
    read = f"import urllib.request as r; r.urlopen('{url}', timeout={probe.within_s})"
    return {
        "test": ["CMD", "python", "-c", read],
        "interval": f"{probe.every_s}s",
        "timeout": f"{probe.within_s + 5}s",
        "retries": probe.failures,
        "start_period": "60s",
    }


def _prometheus_service() -> dict[str, Any]:
    return {
        "image": PROMETHEUS_IMAGE,
        **LOCKED,
        "command": ["--config.file=/etc/prometheus/prometheus.yaml", "--storage.tsdb.path=/prometheus"],
        "user": f"{PROMETHEUS_USER}:{USER}",
        "read_only": True,
        "secrets": [METRICS_TOKEN],
        "volumes": [
            "./prometheus.yaml:/etc/prometheus/prometheus.yaml:ro",
            "../monitoring/rules:/etc/prometheus/rules:ro",
            "prometheus:/prometheus",
        ],
        "networks": [INSIDE, OUTSIDE],
        "ports": [f"{HOST}:9090:9090"],
    }


def _grafana_service() -> dict[str, Any]:
    return {
        "image": GRAFANA_IMAGE,
        **LOCKED,
        "user": f"{GRAFANA_USER}:{USER}",
        "read_only": True,
        "tmpfs": ["/tmp:mode=1777"],  # noqa: S108 - of the container
        "secrets": [GRAFANA_PASSWORD],
        "environment": {
            "GF_SECURITY_ADMIN_PASSWORD__FILE": f"{SECRETS}/{GRAFANA_PASSWORD}",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
            "GF_USERS_ALLOW_SIGN_UP": "false",
        },
        "volumes": [
            "./grafana:/etc/grafana/provisioning:ro",
            "../monitoring/dashboards:/var/lib/dashboards:ro",
            "grafana:/var/lib/grafana",
        ],
        "networks": [INSIDE, OUTSIDE],
        "ports": [f"{HOST}:3000:3000"],
        "depends_on": ["prometheus"],
    }


def _prometheus() -> dict[str, Any]:
    """One job of workers and one of gateways, found by name: a service's name gives the address of each copy."""
    return {
        "global": {"scrape_interval": "15s", "evaluation_interval": "30s"},
        "rule_files": ["rules/*.yaml"],
        "scrape_configs": [
            {"job_name": "grid-router", "dns_sd_configs": [_copies(WORKER)]},
            {
                "job_name": "grid-gateway",
                "authorization": {"credentials_file": f"{SECRETS}/{METRICS_TOKEN}"},
                "dns_sd_configs": [_copies(GATEWAY)],
            },
        ],
    }


def _copies(one: Program) -> dict[str, Any]:
    return {"names": [one.name], "type": "A", "port": one.port, "refresh_interval": "15s"}


def _datasource() -> dict[str, Any]:
    source = {"name": "Prometheus", "type": "prometheus", "url": "http://prometheus:9090", "isDefault": True}
    return {"apiVersion": 1, "datasources": [{**source, "access": "proxy", "editable": False}]}


def _provider() -> dict[str, Any]:
    provider = {"name": "grid-router", "type": "file", "options": {"path": "/var/lib/dashboards"}}
    return {"apiVersion": 1, "providers": [{**provider, "disableDeletion": True, "allowUiUpdates": False}]}
