"""What a department without Kafka does through the gateway: it reads its tasks, answers them, and reads which answers were rejected.

A task and a rejection are given as their records have them. Feedback is checked by the function of the first stage, and its record is the
body of the request, byte for byte.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from router.domain.feedback.reading import read_feedback
from router.domain.instants import from_rfc3339
from router.domain.model.rejection import Rejection
from router.domain.model.source_record import PlainRecord, RecordHeaders
from router.domain.rules.rule_sets import RuleSetError
from router.gateway.admission import received_header
from router.gateway.clock import WALL, GatewayClock
from router.gateway.cursors import Cursor, read_cursor
from router.gateway.followed_rules import FollowedRules
from router.gateway.grants import Grant
from router.gateway.long_poll import LONGEST_WAIT_S, MOST, Ended, LongPolls, PollRequest, json_of
from router.gateway.problems import RETRY_AFTER_S, ProblemError
from router.gateway.publisher import CheckedRecord, Publisher
from router.wire.gateway_metrics import GatewayMetrics
from router.wire.record_kinds import KINDS
from router.wire.rejected_feedback_value import KIND as REJECTED
from router.wire.topic_names import Names

TASK_KINDS = frozenset(kind.ce_type[1] for kind in KINDS.values() if kind.task_state)
REJECTED_KINDS = frozenset({REJECTED.encode()})
DEFAULT_WAIT_S = 20
PARAMETERS = frozenset({"department", "after", "since", "limit", "wait"})
OF_TASKS = PARAMETERS | {"unit"}
ACCEPTED = "accepted"
"""Label value of the metric."""
Query = Mapping[str, str]


class DepartmentService:
    """Serves departments.

    Args:
        rules: have the departments of the city.
        polls: read topics.
        publisher: to Kafka.
        names: of the topics.
        metrics: count the answers.
        clock: by which feedback is received.
    """

    def __init__(
        self,
        rules: FollowedRules,
        polls: LongPolls,
        publisher: Publisher,
        names: Names,
        metrics: GatewayMetrics,
        *,
        clock: GatewayClock = WALL,
    ) -> None:
        self.polls, self._clock = polls, clock
        self._rules, self._publisher, self._names, self._metrics = rules, publisher, names, metrics
        metrics.polls.set_function(lambda: polls.number)

    async def tasks(self, grant: Grant, department: str, query: Query, ended: Ended) -> dict[str, Any]:
        """The records of a department's tasks after a cursor, and the next cursor. Raises ProblemError."""
        unit = query.get("unit", "").encode()

        def read(record: Any) -> dict[str, Any] | None:
            if unit and dict(record.headers).get("unit") != unit:
                return None
            task = json_of(record, TASK_KINDS)
            return task if task is not None and grant.has_cell(str(task.get("cell", ""))) else None

        wanted = _wanted(self._names.tasks(department), query, read, OF_TASKS)
        found, cursor = await self.polls.poll(grant.holder, wanted, ended)
        return {"tasks": found, "next": str(cursor)}

    async def rejections(self, grant: Grant, department: str, query: Query, ended: Ended) -> dict[str, Any]:
        """Which answers of a department changed nothing after a cursor, and the next cursor. Raises ProblemError."""
        topic = self._names.rejected_feedback(department)
        wanted = _wanted(topic, query, lambda record: json_of(record, REJECTED_KINDS))
        found, cursor = await self.polls.poll(grant.holder, wanted, ended)
        return {"rejections": found, "next": str(cursor)}

    async def answer(self, department: str, task: str, value: bytes, headers: RecordHeaders) -> dict[str, Any]:
        """Check and send feedback about a task; where Kafka has it.

        Args:
            department: that gives it.
            task: in the path.
            value: the feedback, or the envelope that has it.
            headers: of the record.

        Raises:
            ProblemError: it was not taken.
        """
        try:
            sent = await self._answer(department, task, value, headers)
        except ProblemError as problem:
            self._metrics.feedback.labels(department, problem.code).inc()
            raise
        self._metrics.feedback.labels(department, ACCEPTED).inc()
        return sent

    async def _answer(self, department: str, task: str, value: bytes, headers: RecordHeaders) -> dict[str, Any]:
        topic, now_ms = self._names.feedback(department), self._clock.now_ms()
        if self._clock.history:  # live, Kafka's time of the record counts
            headers = [*headers, received_header(now_ms)]
        record = PlainRecord(
            topic=topic, partition=0, offset=0, timestamp=now_ms, key=task.encode(), value=value, headers=headers
        )
        read = read_feedback(record, department, history=self._clock.history)
        if isinstance(read, Rejection):
            raise ProblemError.of(read)
        if read.task != task:
            raise ProblemError("other-task", "field `task` is not the task in the path; correct one of them.")
        checked = CheckedRecord(
            topic=topic, key=task.encode(), value=value, headers=[(name, content or b"") for name, content in headers]
        )
        acknowledged = await self._publisher.publish(checked)
        return {
            "id": read.id,
            "kind": read.kind,
            "task": task,
            "received_at": datetime.fromtimestamp(now_ms / 1000, UTC),
            "topic": acknowledged.topic,
            "partition": acknowledged.partition,
            "offset": acknowledged.offset,
        }

    def department(self, grant: Grant, query: Query) -> str:
        """The department that a request is about: the one that it names, or the only one of the token.

        Raises:
            ProblemError: the token is not for it, it does not exist, or the token is for several and none is named.
        """
        department = grant.department(query.get("department"))
        rule_sets = self._rules.rule_sets
        try:
            known = None if rule_sets is None else rule_sets.at(datetime.now(UTC)).catalogue.departments
        except RuleSetError:
            known = None
        if known is None:
            detail = "the gateway has not read the rules of the city yet; ask again."
            raise ProblemError("not-ready", detail, retry_after_s=RETRY_AFTER_S)
        if department not in known:
            raise ProblemError(
                "unknown-department", f"the city does not have this department; it has {', '.join(known)}."
            )
        return department


def _wanted(topic: str, query: Query, read: Any, parameters: frozenset[str] = PARAMETERS) -> PollRequest:
    unknown = next((name for name in query if name not in parameters), None)
    if unknown is not None:
        raise ProblemError("malformed", f"there is no parameter of this name; use {', '.join(sorted(parameters))}.")
    after: Cursor | None = read_cursor(query["after"]) if "after" in query else None
    return PollRequest(
        topic=topic,
        read=read,
        after=after,
        since=_since(query["since"]) if "since" in query and after is None else None,
        most=_number(query, "limit", MOST, 1, MOST),
        wait_s=_number(query, "wait", DEFAULT_WAIT_S, 0, LONGEST_WAIT_S),
    )


def _number(query: Query, name: str, default: int, least: int, most: int) -> int:
    text = query.get(name, str(default))
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else -1
    if not least <= number <= most:
        raise ProblemError("malformed", f"`{name}` is not a whole number from {least} to {most}.")
    return number


def _since(text: str) -> datetime:
    try:
        at = from_rfc3339(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ProblemError("malformed", "`since` is no time with a zone, such as 2026-11-30T09:00:00+08:00; correct it.")
