"""The way of a report through the gateway: grant, network, admission, cell, Kafka, receipt."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from router.domain.model.source_record import RecordHeaders
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSetError
from router.gateway.admission import admitted, received_header, with_derived_id
from router.gateway.clock import WALL, GatewayClock
from router.gateway.followed_rules import FollowedRules
from router.gateway.grants import Grant
from router.gateway.problems import RETRY_AFTER_S, ProblemError
from router.gateway.publisher import CheckedRecord, Publisher
from router.gateway.rate_limit import RateLimit
from router.gateway.receipts import Receipts
from router.wire.gateway_metrics import GatewayMetrics
from router.wire.topic_names import Names

MAX_BATCH = 100
"""Reports of a batch."""
UNAVAILABLE = 503
ACCEPTED, UNKNOWN = "accepted", "unknown"
"""Label values of the metrics."""
A_BATCH = '{"reports": [{"network": ..., "report": {...}}]}'
AN_EVENT_BATCH = "a list of CloudEvents"
EARLIER = (
    "an earlier version of the report in this batch is not acknowledged; keep both and send them again in this order."
)


class SubmittedReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One report of a batch."""

    network: str
    report: Raw
    idempotency_key: str | None = None


class Prepared(Struct, frozen=True):
    """A report that the router will accept, before it is sent."""

    network: str
    id: str
    received_ms: int
    record: CheckedRecord


class Intake:
    """Takes reports.

    Args:
        rules: of the city.
        publisher: to Kafka.
        limit: of reports by holder.
        names: of the topics.
        metrics: count the reports.
        receipts: make tokens by which an app asks later; None: there are none.
        clock: by which a report is received.
    """

    def __init__(
        self,
        rules: FollowedRules,
        publisher: Publisher,
        limit: RateLimit,
        names: Names,
        metrics: GatewayMetrics,
        *,
        receipts: Receipts | None = None,
        clock: GatewayClock = WALL,
    ) -> None:
        self.rules, self.publisher, self.metrics, self.receipts = rules, publisher, metrics, receipts
        metrics.waiting_bytes.set_function(lambda: publisher.waiting_bytes)
        self._limit, self._names, self._clock = limit, names, clock

    def check_rate(self, grant: Grant, reports: int) -> None:
        """Count reports of a holder. Raises ProblemError while it has sent too many; then none is counted."""
        now = time.monotonic()
        wait_s = self._limit.wait_s(grant.holder, reports, now)
        if wait_s:
            raise ProblemError(
                "too-many-requests",
                f"the token has sent more reports than it may; keep this one and send it again in {wait_s} s.",
                retry_after_s=wait_s,
            )
        self._limit.take(grant.holder, reports, now)

    async def take(
        self, grant: Grant, network: str, value: bytes, headers: RecordHeaders, key: str | None
    ) -> dict[str, Any]:
        """Check and send one report; its receipt.

        Args:
            grant: of the token.
            network: that sends the report.
            value: the report, or the envelope that has it.
            headers: of the record.
            key: idempotency key; None: there is none.

        Raises:
            ProblemError: the report was not taken.
        """
        try:
            receipt = await self._send(self._prepare(grant, network, value, headers, key))
        except ProblemError as problem:
            self._count(network, problem.code)
            raise
        self._count(network, ACCEPTED)
        return receipt

    async def take_batch(
        self, grant: Grant, items: Sequence["SubmittedReport | ProblemError"], headers: RecordHeaders
    ) -> list[dict[str, Any]]:
        """Check and send many reports; the result of each, in their order.

        Versions of one report are sent one after the other, so their order in the batch is their order in the log.

        Args:
            grant: of the token.
            items: the reports; a problem for what is none.
            headers: of every record.

        Raises:
            ProblemError: Kafka took none of those that the router would accept.
        """
        sent: list[asyncio.Task[dict[str, Any]] | ProblemError] = []
        latest: dict[tuple[str, str], asyncio.Task[dict[str, Any]]] = {}
        for item in items:
            try:
                if isinstance(item, ProblemError):
                    raise item
                prepared = self._prepare(grant, item.network, bytes(item.report), headers, item.idempotency_key)
            except ProblemError as problem:
                sent.append(problem)
                continue
            place = prepared.network, prepared.id
            latest[place] = task = asyncio.create_task(self._send(prepared, after=latest.get(place)))
            sent.append(task)
        results = [await _result(index, one) for index, one in enumerate(sent)]
        for item, (_, found) in zip(items, results, strict=True):
            network = "" if isinstance(item, ProblemError) else item.network
            self._count(network, ACCEPTED if found is None else found.code)
        problems = [one for _, one in results if one is not None]
        if len(problems) == len(results) > 0 and all(one.kind.status == UNAVAILABLE for one in problems):
            raise problems[0]
        return [result for result, _ in results]

    def _count(self, network: str, outcome: str) -> None:
        self.metrics.reports.labels(network if network in NETWORKS else UNKNOWN, outcome).inc()

    def _prepare(self, grant: Grant, network: str, value: bytes, headers: RecordHeaders, key: str | None) -> Prepared:
        rule_sets = self.rules.rule_sets
        if rule_sets is None:
            raise _not_ready()
        grant.check_network(network)
        if network not in NETWORKS or network not in rule_sets.networks:
            known = ", ".join(rule_sets.networks)
            raise ProblemError("unknown-network", f"the city does not have this network; it has {known}.")
        if key is not None:
            value = with_derived_id(network, value, headers, grant.holder, key)
        received_ms = self._clock.now_ms()
        headers = [*headers, received_header(received_ms)]
        try:
            report = admitted(network, value, headers, rule_sets, received_ms)
        except RuleSetError as error:
            raise _not_ready() from error
        grant.check_cell(report.location.cell)
        record = CheckedRecord(
            topic=self._names.reports(network),
            key=report.source_id.encode(),
            value=value,
            headers=[(name, content or b"") for name, content in headers],
        )
        return Prepared(network, report.source_id, received_ms, record)

    async def _send(self, one: Prepared, after: asyncio.Task[dict[str, Any]] | None = None) -> dict[str, Any]:
        if after is not None:
            try:
                await asyncio.shield(after)
            except ProblemError as problem:
                raise ProblemError(problem.code, EARLIER, retry_after_s=problem.retry_after_s) from None
        acknowledged = await self.publisher.publish(one.record)
        place = acknowledged.partition, acknowledged.offset
        token = self.receipts and self.receipts.token_of(one.network, one.id, one.received_ms, *place)
        return {
            "network": one.network,
            "id": one.id,
            "received_at": datetime.fromtimestamp(one.received_ms / 1000, UTC),
            "topic": acknowledged.topic,
            "partition": acknowledged.partition,
            "offset": acknowledged.offset,
            **({"receipt_token": token} if token else {}),
        }


def read_batch(body: bytes) -> list[SubmittedReport | ProblemError]:
    """The reports of a batch, and a problem for each item that is none.

    Raises:
        ProblemError: the body is no batch, or has too many reports.
    """
    return [_submitted(item) for item in _bounded(_decoded(body, _Batch, A_BATCH).reports)]


def read_events(body: bytes, network: str) -> list[SubmittedReport | ProblemError]:
    """The CloudEvents of a batch (JSON format, 4), all of one network.

    Raises:
        ProblemError: the body is no list, or has too many events.
    """
    return [
        SubmittedReport(network=network, report=event) for event in _bounded(_decoded(body, list[Raw], AN_EVENT_BATCH))
    ]


class _Batch(Struct, forbid_unknown_fields=True):
    reports: list[Raw]


def _decoded(body: bytes, form: type[Any], hint: str) -> Any:
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ProblemError("malformed", f"the body is no batch; send {hint}.") from None


def _bounded(items: list[Raw]) -> list[Raw]:
    if len(items) > MAX_BATCH:
        detail = f"the batch has {len(items)} reports, more than {MAX_BATCH}; send it in parts."
        raise ProblemError("batch-too-long", detail)
    return items


def _submitted(item: Raw) -> SubmittedReport | ProblemError:
    try:
        return msgspec.json.decode(item, type=SubmittedReport)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        detail = "the item has not `network` and `report`, or has another field than these and `idempotency_key`; correct it."
        return ProblemError("malformed", detail)


async def _result(
    index: int, sent: asyncio.Task[dict[str, Any]] | ProblemError
) -> tuple[dict[str, Any], ProblemError | None]:
    try:
        if isinstance(sent, ProblemError):
            raise sent
        return {"index": index, "outcome": "accepted", "receipt": await sent}, None
    except ProblemError as problem:
        outcome = "unavailable" if problem.kind.send_again else "rejected"
        return {"index": index, "outcome": outcome, "problem": problem.details()}, problem


def _not_ready() -> ProblemError:
    detail = "the gateway has not read the rules of the city yet; keep the report and send it again."
    return ProblemError("not-ready", detail, retry_after_s=RETRY_AFTER_S)
