"""A gateway of a shipped city in this process: its application without a socket, and a client of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from router.domain.rules.rule_sets import RuleSets
from router.gateway.app import build_app
from router.gateway.authentication import Authenticator
from router.gateway.departments import DepartmentService
from router.gateway.followed_cases import FollowedCases
from router.gateway.followed_rules import FollowedRules
from router.gateway.front_door import FrontDoor
from router.gateway.intake import Intake
from router.gateway.long_poll import LongPolls
from router.gateway.publisher import Publisher
from router.gateway.rate_limit import RateLimit
from router.gateway.receipt_index import ReceiptIndex
from router.gateway.receipt_keys import ReceiptKeys
from router.gateway.receipts import Receipts
from router.gateway.token_file import add_token
from router.rule_sets.store import RuleSetStore
from router.tracing.carrying import CARRYING, Tracing
from router.wire.gateway_metrics import GatewayMetrics
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.support.cities import shipped

CITY = "puyang"
NO_BROKER = "127.0.0.1:1"
LIMIT_S = 5.0
KEY = bytes(range(64))


class TestedGateway:
    """The application as `serve` builds it. Create it in the event loop that runs it, and close it there.

    Args:
        folder: gets the file of tokens.
        bootstrap: of a broker; the default is an address where none answers.
        names: of the topics.
        rules: whether the city's rules are read already, from its folder.
        receipt_key: of receipts; None: there are none.
        ready: whether the cases are read already: those that a test adds to `index`.
        city: whose gateway it is.
        tracing: of the gateway.
        settings: beside the file of tokens.
    """

    __test__ = False

    def __init__(
        self,
        folder: Path,
        bootstrap: str = NO_BROKER,
        names: Names | None = None,
        *,
        rules: bool = True,
        receipt_key: bytes | None = KEY,
        ready: bool = False,
        city: str = CITY,
        tracing: Tracing = CARRYING,
        **settings: Any,
    ) -> None:
        self.names = names or Names()
        folder.mkdir(parents=True, exist_ok=True)
        self.tokens = folder / "tokens"
        self.tokens.unlink(missing_ok=True)
        self.token = add_token(self.tokens, "every", "report:*")
        limit_s = settings.pop("limit_s", LIMIT_S)
        buffer_bytes = settings.pop("buffer_bytes", 1 << 20)
        self.settings = Settings(gateway_tokens=self.tokens, namespace=self.names.namespace, **settings)
        self.authenticator = Authenticator(self.settings)
        self.rules = FollowedRules(shipped(city), RuleSetStore(bootstrap, self.names.rule_sets))
        if rules:
            self.rules.rule_sets = RuleSets(shipped(city))
        publisher = Publisher(bootstrap, limit_s=limit_s, buffer_bytes=buffer_bytes)
        metrics = GatewayMetrics(CollectorRegistry())
        self.index = ReceiptIndex()
        cases = FollowedCases(bootstrap, self.names, lambda: shipped(city).codes, self.index)
        cases.ready = ready
        self.receipts = None if receipt_key is None else Receipts(ReceiptKeys([receipt_key]), cases, self.rules)
        limit = RateLimit(self.settings.gateway_rate)
        self.intake = Intake(self.rules, publisher, limit, self.names, metrics, receipts=self.receipts)
        self.departments = DepartmentService(self.rules, LongPolls(bootstrap), publisher, self.names, metrics)
        self.lost: list[str] = []
        """What the gateway follows no longer."""
        self.log: list[dict[str, Any]] = []
        self._city, self._tracing = city, tracing
        self.rebuild()
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(self._enter), base_url="http://gateway")

    def rebuild(self) -> None:
        """Build the application again, of parts that a test has changed."""
        networks = list(shipped(self._city).codes)
        self.app = build_app(self.intake, self.departments, self.authenticator, networks, self.lost.append)
        metrics = self.intake.metrics
        self.door = FrontDoor(self.app, self.authenticator, metrics, self.log.append, tracing=self._tracing)

    def add(self, name: str, scope: str) -> str:
        """Another token, known at once."""
        token = add_token(self.tokens, name, scope)
        self.authenticator.look()
        return token

    async def _enter(self, scope: Any, receive: Any, send: Any) -> None:
        await self.door(scope, receive, send)

    async def call(
        self, method: str, path: str, *, token: str | None = "", headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """Send a request; with the token of all networks unless another one, or None, is named."""
        bearer = {} if token is None else {"Authorization": f"Bearer {token or self.token}"}
        return await self._client.request(method, path, headers={**bearer, **(headers or {})}, **more)

    async def send(self, network: str, report: Any, **more: Any) -> httpx.Response:
        """Send one report: bytes as they are, or an object as JSON."""
        body = {"content": report} if isinstance(report, bytes) else {"json": report}
        headers = {"Content-Type": "application/json", **more.pop("headers", {})}
        return await self.call("POST", f"/v1/reports/{network}", headers=headers, **body, **more)

    async def send_batch(self, *items: Any, **more: Any) -> httpx.Response:
        """Send a batch."""
        return await self.call("POST", "/v1/reports:batch", json={"reports": items}, **more)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()
        await self.intake.publisher.close()
        await self.rules.close()
        if self.receipts is not None:
            await self.receipts.cases.close()
