"""The error tree. Each expected error says what is wrong, where, and what to do, in one sentence.

    RouterError
    ├── CityError            unknown city, broken YAML or CSV in its folder
    ├── BrokerError          Kafka cannot be started or reached
    ├── TopicError           topics missing, or not as declared
    ├── WorkerError          a worker process cannot be started, or ends again and again
    └── InputError           a file or an argument of the user

The command line prints the sentence and exits with 2; a traceback means a defect of ours.
"""

START_KAFKA = "start the cluster that GRID_ROUTER_KAFKA names, or correct it; without it, `grid-router broker start` starts the embedded one"
"""The hint when no broker answers."""


class RouterError(Exception):
    """What is wrong, where it is, and the hint.

    Args:
        what: the cause, one clause without a full stop.
        where: file with line and column, address, or name; None when the cause says it.
        hint: what the user can do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, hint: str) -> None:
        self.what, self.where, self.hint = what, where, hint
        place = f"{where}: " if where else ""
        super().__init__(f"{place}{what}; {hint}.")


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
