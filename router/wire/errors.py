"""The error tree. The sentence of each expected error says what is wrong, where, and what to do.

    RouterError
    ├── CityError            unknown city, invalid YAML or CSV in its folder
    ├── BrokerError          Kafka cannot be started or reached
    ├── TopicError           a topic is missing, or differs from its declaration
    ├── WorkerError          a worker process cannot be started, or ends repeatedly
    └── InputError           a file or an argument of the user is wrong

The command line prints the sentence and exits with 2; a traceback is a defect of the router.
"""

START_KAFKA = (
    "start the cluster that GRID_ROUTER_KAFKA names, or correct that setting; without it, `grid-router broker start` starts the "
    "embedded one"
)
"""The hint when no broker answers."""


class RouterError(Exception):
    """What is wrong, where, and what to do.

    Args:
        what: the cause, one clause without a full stop.
        where: file with line and column, address, or name; None when the cause names it.
        hint: what the user can do, one clause without a full stop.
    """

    def __init__(self, what: str, *, where: str | None = None, hint: str) -> None:
        self.what, self.where, self.hint = what, where, hint
        prefix = f"{where}: " if where else ""
        super().__init__(f"{prefix}{what}; {hint}.")


class CityError(RouterError):
    """A city's folder cannot be used."""


class BrokerError(RouterError):
    """Kafka cannot be started, reached or stopped."""


class TopicError(RouterError):
    """A topic is missing or differs from its declaration."""


class WorkerError(RouterError):
    """A worker process cannot be started or kept running."""


class InputError(RouterError):
    """A file, address or argument given by the user is wrong."""
