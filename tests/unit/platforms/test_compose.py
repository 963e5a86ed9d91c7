"""The compose file has the form of the Compose Specification, and each service may do no more than it must."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_pydantic import ComposeSpecification
from pydantic import ValidationError

from deploy.platforms import brokers, compose
from deploy.platforms.deployment import GATEWAY, PROGRAMS, USER, WORKER
from router.broker.properties import BrokerNode, server_properties
from tests.support.monitoring import needs_promtool, promtool
from tests.support.repository import ROOT

FOLDER = ROOT / "deploy" / "compose"
PROJECT: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVICES = PROJECT["services"]
OURS = {"topics", *(one.name for one in PROGRAMS)}
BROKERS = {brokers.name_of(number) for number in (1, 2, 3)}


def test_it_has_the_form_of_the_specification() -> None:
    ComposeSpecification.model_validate(PROJECT)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("services", "worker", "replicas"), 2),
        (("services", "worker", "read_only"), "maybe"),
        (("services", "worker", "healthcheck", "test"), 5),
        (("networks", "inside", "intern"), True),
    ],
)
def test_what_the_specification_does_not_have_is_found(path: tuple[str, ...], value: object) -> None:
    wrong = copy.deepcopy(PROJECT)
    *way, last = path
    place = wrong
    for name in way:
        place = place[name]
    place[last] = value
    with pytest.raises(ValidationError):
        ComposeSpecification.model_validate(wrong)


def test_what_a_service_names_is_declared_or_a_file() -> None:
    for service in SERVICES.values():
        assert set(service["networks"]) <= set(PROJECT["networks"])
        assert set(service.get("secrets", [])) <= set(PROJECT["secrets"])
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (FOLDER / source).exists() if source.startswith(".") else source in PROJECT["volumes"]
    build = SERVICES["topics"]["build"]
    assert (FOLDER / build["context"] / build["dockerfile"]).is_file()


def test_no_service_has_rights_that_it_does_not_need() -> None:
    assert set(SERVICES) == {*BROKERS, *OURS, "prometheus", "grafana"}
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "cap_add", "pid", "ipc", "network_mode", "devices"} & set(service), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        if name not in BROKERS:  # their image says who runs it, and it writes its configuration at the start
            assert service["read_only"], name
            assert not service["user"].startswith("0:"), name
    assert all(SERVICES[name]["user"] == f"{USER}:{USER}" for name in OURS)


def test_kafka_and_the_workers_cannot_be_reached_from_outside() -> None:
    assert PROJECT["networks"]["inside"]["internal"] is True
    for name in (*BROKERS, "topics", WORKER.name):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]


def test_workers_start_when_the_topics_are_applied_and_topics_when_all_brokers_answer() -> None:
    assert SERVICES["topics"]["depends_on"] == {name: {"condition": "service_healthy"} for name in BROKERS}
    for one in PROGRAMS:
        assert SERVICES[one.name]["depends_on"] == {"topics": {"condition": "service_completed_successfully"}}


def test_the_brokers_are_configured_as_the_embedded_cluster() -> None:
    text = server_properties(19092, Path("data"), BrokerNode(2, 3))
    embedded = {
        f"KAFKA_{key.upper().replace('.', '_')}": value for key, value in (line.split("=", 1) for line in text.split())
    }
    addresses = {"KAFKA_CONTROLLER_QUORUM_VOTERS", "KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_LOG_DIRS"}
    own = SERVICES["kafka-2"]["environment"]
    assert {name for name in embedded if own[name] != embedded[name]} == addresses
    assert set(own) - set(embedded) == {"CLUSTER_ID"}
    assert own["KAFKA_MIN_INSYNC_REPLICAS"] == "2"
    assert own["KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE"] == "false"


def test_prometheus_reads_every_copy_of_each_program() -> None:
    jobs = yaml.safe_load((FOLDER / "prometheus.yaml").read_text("utf-8"))["scrape_configs"]
    found = {job["job_name"]: job["dns_sd_configs"][0] for job in jobs}
    assert {name: (one["names"], one["port"]) for name, one in found.items()} == {
        "grid-router": (["worker"], WORKER.port),
        "grid-gateway": (["gateway"], GATEWAY.port),
    }
    assert jobs[1]["authorization"]["credentials_file"].endswith(compose.METRICS_TOKEN)
    assert SERVICES["prometheus"]["networks"][0] == "inside"


@needs_promtool
def test_promtool_accepts_the_configuration() -> None:
    promtool("check", "config", "--syntax-only", str(FOLDER / "prometheus.yaml"))
