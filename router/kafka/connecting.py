"""What every client of Kafka gets to connect: addresses, protocol, certificates, user. Nothing else opens a client without it.

kafka-python and aiokafka name these options alike. Password and certificates follow their files (`followed_secrets.py`).
"""

from typing import Any

from router.kafka.followed_secrets import FollowedContext, FollowedPassword
from router.wire.security import Security, security_for


def connect_options(bootstrap: str, security: Security | None = None) -> dict[str, Any]:
    """The options with which a client of kafka-python or aiokafka connects.

    Args:
        bootstrap: `host:port` list of the cluster.
        security: how it authenticates; None: as the settings say.

    Raises:
        InputError: the settings cannot be used.
    """
    return {"bootstrap_servers": bootstrap.split(","), **authentication(security or security_for(bootstrap))}


def authentication(security: Security) -> dict[str, Any]:
    """The options that say who the client is, and how it knows the cluster. Raises InputError."""
    options: dict[str, Any] = {"security_protocol": security.protocol}
    if (context := security.context()) is not None:
        options["ssl_context"] = FollowedContext(security, context)
    if security.sasl:
        options |= {
            "sasl_mechanism": security.mechanism,
            "sasl_plain_username": security.user,
            "sasl_plain_password": FollowedPassword(security),
        }
    return options
