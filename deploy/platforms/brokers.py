"""Three brokers of the stock image, with the configuration of the embedded cluster that the tests run against."""

from pathlib import Path

from router.broker.properties import BrokerNode, server_properties

NUMBER = 3
PORT, CONTROLLER_PORT = 9092, 9093
DATA = "/var/lib/kafka/data"
CLUSTER_ID = "grid-router-cluster-01"
"""22 characters, as Kafka wants them. It names the data folders, so two clusters need two."""


def name_of(number: int) -> str:
    """The host name of a broker, 1 to 3."""
    return f"kafka-{number}"


def addresses() -> str:
    """The `host:port` list of the cluster."""
    return ",".join(f"{name_of(number)}:{PORT}" for number in range(1, NUMBER + 1))


def properties(number: int) -> dict[str, str]:
    """`server.properties` of a broker. Only addresses and folders differ from those of the embedded cluster."""
    text = server_properties(PORT, Path(DATA), BrokerNode(number, NUMBER))
    embedded = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    voters = (f"{one}@{name_of(one)}:{CONTROLLER_PORT}" for one in range(1, NUMBER + 1))
    return {
        **embedded,
        "controller.quorum.voters": ",".join(voters),
        "listeners": f"PLAINTEXT://:{PORT},CONTROLLER://:{CONTROLLER_PORT}",
        "advertised.listeners": f"PLAINTEXT://{name_of(number)}:{PORT}",
    }


def environment(number: int) -> dict[str, str]:
    """The same as variables of the stock image: `KAFKA_`, capitals, `_` for a dot."""
    variables = {f"KAFKA_{key.replace('.', '_').upper()}": value for key, value in properties(number).items()}
    return {"CLUSTER_ID": CLUSTER_ID, **variables}
