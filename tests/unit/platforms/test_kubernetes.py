"""The manifests have the form of the Kubernetes API, fit together, and give each pod no more than it needs."""

import copy
import shutil
import subprocess
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.platforms.deployment import GATEWAY, PROGRAMS, STOP_S, USER, WORKER
from deploy.platforms.kubernetes import SETTINGS
from router.wire.settings import Settings
from tests.support.repository import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
VERSIONS = ("1.29", "1.37")
"""The oldest that has all that is used, and the newest of which a schema is installed."""
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))
OBJECTS: dict[str, dict[str, Any]] = {
    name: yaml.safe_load((FOLDER / name).read_text("utf-8")) for name in KUSTOMIZATION["resources"]
}
PODS = {name: one["spec"]["template"] for name, one in OBJECTS.items() if "template" in one.get("spec", {})}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_has_the_form_of_the_api(name: str, version: str) -> None:
    kubernetes_validate.validate(OBJECTS[name], version, strict=True)


def test_a_misspelt_field_is_found() -> None:
    wrong = copy.deepcopy(OBJECTS["worker.yaml"])
    wrong["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_every_file_is_a_resource() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*OBJECTS, "kustomization.yaml"}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_builds_all_of_them_in_one_namespace() -> None:
    built = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, check=True, timeout=60)
    found = list(yaml.safe_load_all(built.stdout))
    assert len(found) == len(OBJECTS)
    assert {one["metadata"].get("namespace") for one in found if one["kind"] != "Namespace"} == {"grid-router"}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_is_restricted(name: str) -> None:
    """The profile `restricted` of the Pod Security Standards, and a root that is read only."""
    spec = PODS[name]["spec"]
    assert OBJECTS["namespace.yaml"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["fsGroup"] == USER
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False, "Kubernetes would set GRID_ROUTER_... variables of its own"
    assert spec["terminationGracePeriodSeconds"] == STOP_S
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert {mount["name"] for mount in container["volumeMounts"]} == {one["name"] for one in spec["volumes"]}


def variables(name: str) -> dict[str, str]:
    container = PODS[name]["spec"]["containers"][0]
    shared = OBJECTS["settings.yaml"]["data"]
    assert container["envFrom"] == [{"configMapRef": {"name": SETTINGS}}]
    return {**shared, **{one["name"]: one["value"] for one in container.get("env", [])}}


@pytest.mark.parametrize("one", PROGRAMS, ids=lambda one: one.name)
def test_a_program_gets_its_settings_and_its_secrets_where_they_say(one: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = variables(f"{one.name}.yaml")
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    spec = PODS[f"{one.name}.yaml"]["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    assert str(settings.home) == mounts["home"]
    sources = next(volume for volume in spec["volumes"] if volume["name"] == "secrets")["projected"]
    assert sources["defaultMode"] == 0o440
    paths = {f"{mounts['secrets']}/{item['path']}" for one in sources["sources"] for item in one["secret"]["items"]}
    assert paths == {str(getattr(settings, setting.lower())) for setting in one.secrets}


def test_probes_are_at_the_port_that_the_program_serves() -> None:
    worker, gateway = (PODS[f"{one.name}.yaml"]["spec"]["containers"][0] for one in (WORKER, GATEWAY))
    assert worker["readinessProbe"]["httpGet"] == {"path": "/health", "port": WORKER.port}
    assert "livenessProbe" not in worker
    assert gateway["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": GATEWAY.port}
    assert gateway["livenessProbe"]["httpGet"] == {"path": "/livez", "port": GATEWAY.port}
    assert OBJECTS["worker-service.yaml"]["spec"]["publishNotReadyAddresses"] is True


def test_selectors_select_the_pods_of_their_program() -> None:
    for one in PROGRAMS:
        labels = PODS[f"{one.name}.yaml"]["metadata"]["labels"]
        assert OBJECTS[f"{one.name}-service.yaml"]["spec"]["selector"] == labels
        assert OBJECTS[f"{one.name}-disruption.yaml"]["spec"]["selector"]["matchLabels"] == labels
        assert OBJECTS[f"network-{one.name}.yaml"]["spec"]["podSelector"]["matchLabels"] == labels
        assert OBJECTS[f"{one.name}.yaml"]["spec"]["selector"]["matchLabels"] == labels
    assert OBJECTS["worker.yaml"]["spec"]["serviceName"] == OBJECTS["worker-service.yaml"]["metadata"]["name"]


def test_what_no_policy_opens_is_closed() -> None:
    policies = {name: one["spec"] for name, one in OBJECTS.items() if one["kind"] == "NetworkPolicy"}
    assert policies["network-closed.yaml"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert "ingress" not in policies["network-topics.yaml"]
    assert policies["network-worker.yaml"]["ingress"][0]["from"], "the metrics are not for everybody"
    kafka = int(OBJECTS["settings.yaml"]["data"]["GRID_ROUTER_KAFKA"].rpartition(":")[2])
    for name in ("worker", "gateway", "topics"):
        ports = [port["port"] for rule in policies[f"network-{name}.yaml"]["egress"] for port in rule["ports"]]
        assert ports == [53, 53, kafka]
        assert all(rule["to"] for rule in policies[f"network-{name}.yaml"]["egress"])


def test_the_autoscaler_alone_says_how_many_gateways_run() -> None:
    scale, deployment = OBJECTS["gateway-scale.yaml"]["spec"], OBJECTS["gateway.yaml"]
    assert scale["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"]
    assert OBJECTS["worker.yaml"]["spec"]["replicas"] <= int(OBJECTS["settings.yaml"]["data"]["GRID_ROUTER_PARTITIONS"])
