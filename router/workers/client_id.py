"""The name of a worker in the consumer group. Brokers and their tools show it."""

import socket


def client_id(pid: int) -> str:
    """The Kafka client id of the worker with this process id on this machine."""
    return f"grid-router-{socket.gethostname()}-{pid}"
