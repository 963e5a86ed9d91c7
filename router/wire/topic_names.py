"""The names of topics and of the consumer group in one deployment."""

from msgspec import Struct

ROOTS = ("grid.", "reports.", "rejections.", "tasks.", "feedback.")
"""How every name begins after its namespace."""


class Names(Struct, frozen=True):
    """Topic names of one deployment; `namespace` is empty or ends with a dot."""

    namespace: str = ""

    @property
    def group(self) -> str:
        """The consumer group of the workers."""
        return f"{self.namespace}grid-router"

    @property
    def events(self) -> str:
        """The all-purpose grid stream (全科网格), keyed by cell."""
        return f"{self.namespace}grid.events"

    @property
    def cases(self) -> str:
        """Cases by id: the public table, and the changelog of the merge stage."""
        return f"{self.namespace}grid.cases"

    @property
    def archive(self) -> str:
        """The last state of each case that nothing reaches any more."""
        return f"{self.namespace}grid.archive"

    @property
    def dead_letters(self) -> str:
        """Every rejected record, once."""
        return f"{self.namespace}grid.dead-letters"

    @property
    def rule_sets(self) -> str:
        """Published rule sets (catalogue, code tables, cells), by version."""
        return f"{self.namespace}grid.rule-sets"

    @property
    def repairs(self) -> str:
        """What people did about dead letters, by the dead letter's id."""
        return f"{self.namespace}grid.repairs"

    @property
    def offsets(self) -> str:
        """Stored offsets of the grid stream, one record a partition. Those of a network's topic are in its dedup index."""
        return f"{self.namespace}grid.offsets"

    def dedup_index(self, network: str) -> str:
        """Where each report of a network went first: the changelog of its normalise stage, partition by partition."""
        return f"{self.namespace}grid.dedup.{network}"

    def reports(self, network: str) -> str:
        """A network's own topic."""
        return f"{self.namespace}reports.{network}"

    def rejections(self, network: str) -> str:
        """What was rejected of a network, for that network alone."""
        return f"{self.namespace}rejections.{network}"

    def tasks(self, department: str) -> str:
        """A department's own topic."""
        return f"{self.namespace}tasks.{department}"

    @property
    def transitions(self) -> str:
        """What happened to each task, case by case."""
        return f"{self.namespace}grid.transitions"

    @property
    def escalations(self) -> str:
        """Reminders of departments, and what authorities hear of limits that have ended."""
        return f"{self.namespace}grid.escalations"

    @property
    def feedback_offsets(self) -> str:
        """Stored offsets of the topics of feedback, by topic and partition."""
        return f"{self.namespace}grid.feedback-offsets"

    def feedback(self, sender: str) -> str:
        """What a department, or supervision, answers about tasks."""
        return f"{self.namespace}feedback.{sender}"

    def is_input(self, topic: str) -> bool:
        """Whether others write a topic for the router: reports of a network, or feedback."""
        return topic.startswith(self.reports("")) or self.sender_of(topic) is not None

    def sender_of(self, topic: str) -> str | None:
        """The sender whose topic of feedback it is; None for any other topic."""
        begins = self.feedback("")
        if not topic.startswith(begins) or topic.startswith(self.rejected_feedback("")):
            return None
        return topic.removeprefix(begins)

    def rejected_feedback(self, sender: str) -> str:
        """What was rejected of a sender's feedback, for that sender alone."""
        return f"{self.namespace}feedback.rejected.{sender}"
