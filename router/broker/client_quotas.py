"""Quotas of users (KIP-546). kafka-python has the requests, and no function of its admin client for them."""

from collections.abc import Sequence
from typing import Any, Literal

from kafka.admin import KafkaAdminClient
from kafka.errors import NoError, for_code
from kafka.protocol.admin import AlterClientQuotasRequest, DescribeClientQuotasRequest

from router.kafka.blocking_internals import ask
from router.wire.access_rights import UserQuota

KEYS: dict[Literal["write", "read"], str] = {"write": "producer_byte_rate", "read": "consumer_byte_rate"}
OPERATIONS = {key: operation for operation, key in KEYS.items()}
USER, ANY_NAMED = "user", 2


def quotas_of(admin: KafkaAdminClient) -> list[UserQuota]:
    """The rates of all users of the cluster. Those for a user and a client id together, and the default of all users, are not among them.

    Raises:
        KafkaError: the cluster does not answer, or does not let this user see them.
    """
    answer = ask(admin, DescribeClientQuotasRequest(components=[(USER, ANY_NAMED, None)], strict=True))
    _check(answer)
    return sorted(
        UserQuota(str(entry.entity[0].entity_name), OPERATIONS[one.key], int(one.value))
        for entry in answer.entries or ()
        for one in entry.values
        if one.key in OPERATIONS
    )


def change_quotas(admin: KafkaAdminClient, quotas: Sequence[UserQuota], *, remove: bool = False) -> None:
    """Give users these rates, or take them away.

    Raises:
        KafkaError: the cluster does not answer, or rejects a change.
    """
    if not quotas:
        return
    entries = [  # one for each user: Kafka rejects a second one
        (
            [(USER, user)],
            [(KEYS[one.operation], float(one.per_second), remove) for one in quotas if one.user == user],
        )
        for user in dict.fromkeys(one.user for one in quotas)
    ]
    answer = ask(admin, AlterClientQuotasRequest(entries=entries, validate_only=False))
    for entry in answer.entries:
        _check(entry)


def _check(answer: Any) -> None:
    error = for_code(answer.error_code)
    if error is not NoError:
        raise error(answer.error_message)
