"""A kustomize base: a StatefulSet of workers, a Deployment of gateways, and what limits both."""

from typing import Any

from deploy.platforms.deployment import (
    GATEWAY,
    HOME,
    IMAGE,
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

NAMESPACE = "grid-router"
KAFKA = "kafka-bootstrap:9092"
KAFKA_PORT = 9092
KAFKA_PODS = {"app.kubernetes.io/name": "kafka"}
MONITORING = "monitoring"
"""The namespace that may read the workers' metrics."""
SETTINGS = "grid-router-settings"
SCRATCH = "64Mi"
"""Most bytes of each folder that a pod may write to."""


def files() -> dict[str, str]:
    """Path below `deploy` -> text."""
    documents: dict[str, Any] = {
        "namespace": _namespace(),
        "settings": _settings(),
        "service-account": _account(),
        "topics": _topics(),
        "worker": _stateful_set(WORKER),
        "worker-service": _worker_service(),
        "worker-disruption": _disruption(WORKER),
        "gateway": _deployment(GATEWAY),
        "gateway-service": _gateway_service(),
        "gateway-disruption": _disruption(GATEWAY),
        "gateway-scale": _scale(GATEWAY),
        "network-closed": _closed(),
        "network-worker": _policy(WORKER, {"namespaceSelector": _label("kubernetes.io/metadata.name", MONITORING)}),
        "network-gateway": _policy(GATEWAY, None),
        "network-topics": _policy_of("topics", {}),
    }
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": [f"{name}.yaml" for name in documents],
    }
    texts = {f"kubernetes/{name}.yaml": document(content) for name, content in documents.items()}
    return {**texts, "kubernetes/kustomization.yaml": document(kustomization)}


def _object(version: str, kind: str, name: str, part: str | None = None, **more: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "grid-router", **({"app.kubernetes.io/component": part} if part else {})}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": labels}, **more}


def _label(name: str, value: str) -> dict[str, Any]:
    return {"matchLabels": {name: value}}


def _pods(part: str) -> dict[str, Any]:
    return {"matchLabels": {"app.kubernetes.io/name": "grid-router", "app.kubernetes.io/component": part}}


def _name(one: Program) -> str:
    return f"grid-router-{one.name}"


def _namespace() -> dict[str, Any]:
    made = _object("v1", "Namespace", NAMESPACE)
    made["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "restricted"
    return made


def _settings() -> dict[str, Any]:
    """What all programs share. A change needs a restart: `kubectl rollout restart`."""
    return _object("v1", "ConfigMap", SETTINGS, data=environment(KAFKA))


def _account() -> dict[str, Any]:
    return _object("v1", "ServiceAccount", "grid-router", automountServiceAccountToken=False)


def _container(name: str, command: tuple[str, ...], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "image": IMAGE,
        "args": list(command),
        "envFrom": [{"configMapRef": {"name": SETTINGS}}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **more,
    }


def _pod(part: str, container: dict[str, Any], secrets: list[str], **more: Any) -> dict[str, Any]:
    """A pod template. A secret is a file of root that our group may read, which the router takes."""
    scratch = {"home": HOME, "tmp": "/tmp"}  # noqa: S108 - of the container
    container["volumeMounts"] = [
        *({"name": name, "mountPath": path} for name, path in scratch.items()),
        *([{"name": "secrets", "mountPath": SECRETS, "readOnly": True}] if secrets else []),
    ]
    volumes: list[dict[str, Any]] = [{"name": name, "emptyDir": {"sizeLimit": SCRATCH}} for name in scratch]
    if secrets:
        sources = [
            {"secret": {"name": f"grid-router-{file}", "items": [{"key": file, "path": file}]}} for file in secrets
        ]
        volumes.append({"name": "secrets", "projected": {"defaultMode": 0o440, "sources": sources}})
    return {
        "metadata": {"labels": _pods(part)["matchLabels"]},
        "spec": {
            "serviceAccountName": "grid-router",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "terminationGracePeriodSeconds": STOP_S,
            "containers": [container],
            "volumes": volumes,
            **more,
        },
    }


def _topics() -> dict[str, Any]:
    """Applies the topics. A job cannot be changed: delete it before an upgrade, and apply it again."""
    resources = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}}
    pod = _pod("topics", _container("topics", TOPICS, resources=resources), [], restartPolicy="OnFailure")
    spec = {"backoffLimit": 10, "template": pod}
    return _object("batch/v1", "Job", "grid-router-topics", "topics", spec=spec)


def _probe(one: Probe, port: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": one.path, "port": port},
        "periodSeconds": one.every_s,
        "timeoutSeconds": one.within_s,
        "failureThreshold": one.failures,
    }


def _pod_of(one: Program) -> dict[str, Any]:
    own = {name: value for name, value in environment(KAFKA, one).items() if name not in environment(KAFKA)}
    memory = f"{one.memory_mib}Mi"
    container = _container(
        one.name,
        one.command,
        env=[{"name": name, "value": value} for name, value in own.items()],
        ports=[{"name": "http", "containerPort": one.port}],
        readinessProbe=_probe(one.ready, one.port),
        **({"livenessProbe": _probe(one.alive, one.port)} if one.alive else {}),
        resources={"requests": {"cpu": one.cpu, "memory": memory}, "limits": {"memory": memory}},
    )
    apart = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": _pods(one.name),
    }
    return _pod(one.name, container, list(one.secrets.values()), topologySpreadConstraints=[apart])


def _stateful_set(one: Program) -> dict[str, Any]:
    """Pods with names that stay, so that metrics and logs of a worker do. They are updated one by one, each when all are ready."""
    spec = {
        "serviceName": _name(one),
        "replicas": one.copies,
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "selector": _pods(one.name),
        "template": _pod_of(one),
    }
    return _object("apps/v1", "StatefulSet", _name(one), one.name, spec=spec)


def _deployment(one: Program) -> dict[str, Any]:
    """No number of copies: the autoscaler has it."""
    spec = {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "selector": _pods(one.name),
        "template": _pod_of(one),
    }
    return _object("apps/v1", "Deployment", _name(one), one.name, spec=spec)


def _worker_service() -> dict[str, Any]:
    """Names of the pods. Prometheus also reads those that are not ready, which are the interesting ones."""
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": _pods(WORKER.name)["matchLabels"],
        "ports": [{"name": "http", "port": WORKER.port, "targetPort": "http"}],
    }
    return _object("v1", "Service", _name(WORKER), WORKER.name, spec=spec)


def _gateway_service() -> dict[str, Any]:
    spec = {
        "selector": _pods(GATEWAY.name)["matchLabels"],
        "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
    }
    return _object("v1", "Service", _name(GATEWAY), GATEWAY.name, spec=spec)


def _disruption(one: Program) -> dict[str, Any]:
    """One at a time. Pods that hang may go at once, so that they hold up no drain."""
    spec = {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow", "selector": _pods(one.name)}
    return _object("policy/v1", "PodDisruptionBudget", _name(one), one.name, spec=spec)


def _scale(one: Program) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": 70}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": _name(one)},
        "minReplicas": one.copies,
        "maxReplicas": 4 * one.copies,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", _name(one), one.name, spec=spec)


def _closed() -> dict[str, Any]:
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return _object("networking.k8s.io/v1", "NetworkPolicy", "closed", spec=spec)


def _policy(one: Program, peer: dict[str, Any] | None) -> dict[str, Any]:
    """Who may reach a program's port; everybody without a peer."""
    ports = [{"port": one.port, "protocol": "TCP"}]
    return _policy_of(one.name, {"ingress": [{**({"from": [peer]} if peer else {}), "ports": ports}]})


def _policy_of(part: str, more: dict[str, Any]) -> dict[str, Any]:
    """Each program may ask for names and speak to Kafka, in any namespace."""
    kafka = {"namespaceSelector": {}, "podSelector": {"matchLabels": KAFKA_PODS}}
    names = [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]
    egress = [
        {"to": [{"namespaceSelector": _label("kubernetes.io/metadata.name", "kube-system")}], "ports": names},
        {"to": [kafka], "ports": [{"port": KAFKA_PORT, "protocol": "TCP"}]},
    ]
    spec = {"podSelector": _pods(part), "policyTypes": ["Ingress", "Egress"], **more, "egress": egress}
    return _object("networking.k8s.io/v1", "NetworkPolicy", f"grid-router-{part}", part, spec=spec)
