"""What the audit finds: kinds of faults, and the ids at fault."""

from collections.abc import Mapping
from typing import Literal, get_args

Fault = Literal[
    "acknowledged, not kept",
    "kept twice",
    "lost",
    "in two cases",
    "never sent",
    "in the wrong place",
    "dispatched twice",
    "dispatched without case",
    "case without task",
    "order broken in a cell",
    "dead without reason",
    "dead twice",
    "state not as the log says",
    "tasks not as the log says",
    "memory of reports not as the log says",
    "decided by two rule sets",
    "not finished",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
EXPLAINED: Mapping[Fault, str] = {
    "acknowledged, not kept": "Kafka acknowledged it and does not have it: no fault of the router",
    "kept twice": "one record that was sent once stands twice on a network's topic: likewise",
    "lost": "a report or version in no event or no case; a rejected record in no dead letter",
    "in two cases": "a report in two cases, twice in one, or twice on the grid stream",
    "never sent": "an event, a report of a case or a dead letter that no record stands behind",
    "in the wrong place": "an event in another partition or under another cell than its report's",
    "dispatched twice": "a task id twice, or one department twice for one case in one role",
    "dispatched without case": "a task whose case does not exist",
    "case without task": "an assignment of a case that no task record tells of",
    "order broken in a cell": "events of one cell not in the order of their source; reports of a case not in that of events",
    "dead without reason": "a sound record among the dead letters; another code than its bytes deserve; no sentence",
    "dead twice": "one record in two dead letters",
    "state not as the log says": "a case, or the state restored from cases, is not what folding the log gives",
    "tasks not as the log says": "the task records are not, byte for byte, what folding the log gives",
    "memory of reports not as the log says": "`grid.dedup` is not what the networks' topics give",
    "decided by two rule sets": "a case whose departments are not those of the one rule set it carries",
    "not finished": "records that no worker has committed",
}


class Findings:
    """Ids at fault, by kind."""

    def __init__(self) -> None:
        self.ids: dict[Fault, dict[str, None]] = {fault: {} for fault in FAULTS}
        """Each id once, in the order of finding."""

    def add(self, fault: Fault, *ids: str) -> None:
        """These are at fault."""
        self.ids[fault].update(dict.fromkeys(ids))

    @property
    def counts(self) -> dict[Fault, int]:
        """How many ids of each kind, zeros too."""
        return {fault: len(ids) for fault, ids in self.ids.items()}

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not any(self.ids.values())
