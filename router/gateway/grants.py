"""What a token allows: networks and areas, written as a scope (RFC 6749, 3.3)."""

import re
from collections.abc import Iterable

from msgspec import Struct

from router.gateway.problems import ProblemError

EVERY = "*"
_NETWORK, _AREA, _METRICS = "report:", "area:", "metrics"
_NETWORK_NAME = re.compile(r"[a-z][a-z-]{0,40}")
_AREA_CODE = re.compile(r"[0-9]{2,15}")
LONGEST_SCOPE = 4096


class Grant(Struct, frozen=True, kw_only=True):
    """Who sends, and what of."""

    holder: str
    """Name of the app, or issuer and subject of a JWT. It is the same after a token was replaced."""
    public_name: str
    """What the access log writes of the holder: never a person."""
    networks: frozenset[str]
    """Networks whose reports it may send; `*` for all."""
    areas: tuple[str, ...] = ()
    """First digits of the cells that it may report in; empty: the whole city."""
    metrics: bool = False
    """Whether it may read `/metrics`."""

    def check_network(self, network: str) -> None:
        """Raise ProblemError unless the token is for the network."""
        if network not in self.networks and EVERY not in self.networks:
            granted = ", ".join(sorted(self.networks)) or "no network"
            raise ProblemError(
                "network-not-granted",
                f"the token is for {granted}; send with a token that has the scope of the network.",
            )

    def check_cell(self, cell: str) -> None:
        """Raise ProblemError unless the token is for the area of the cell."""
        if self.areas and not cell.startswith(self.areas):
            areas = ", ".join(self.areas)
            raise ProblemError(
                "area-not-granted",
                f"the report is in the cell {cell}, and the token is for cells that begin with {areas}; "
                "correct the place, or send with a token of that area.",
            )

    def check_metrics(self) -> None:
        """Raise ProblemError unless the token is for the metrics."""
        if not self.metrics:
            raise ProblemError("metrics-not-granted", "read the metrics with a token that has the scope `metrics`.")


class Scope(Struct, frozen=True):
    """What a scope says."""

    networks: frozenset[str]
    areas: tuple[str, ...]
    metrics: bool
    unknown: list[str]
    """Words that say nothing to the gateway."""


def read_scope(scope: str) -> Scope:
    """The meaning of a scope: words with blanks between them.

    Args:
        scope: has `report:<network>` or `report:*`, `area:<first digits of cells>` and `metrics`.
    """
    words = scope[:LONGEST_SCOPE].split()
    networks = frozenset(_named(words, _NETWORK, re.compile(rf"{_NETWORK_NAME.pattern}|\*")))
    areas = tuple(_named(words, _AREA, _AREA_CODE))
    known = {_METRICS, *(f"{_NETWORK}{one}" for one in networks), *(f"{_AREA}{one}" for one in areas)}
    return Scope(networks, areas, _METRICS in words, [word for word in words if word not in known])


def write_scope(networks: Iterable[str], areas: Iterable[str], *, metrics: bool = False) -> str:
    """The scope of networks and areas, and of the metrics."""
    words = [*(f"{_NETWORK}{one}" for one in networks), *(f"{_AREA}{one}" for one in areas)]
    return " ".join([*words, _METRICS] if metrics else words)


def _named(words: Iterable[str], prefix: str, form: re.Pattern[str]) -> list[str]:
    rest = (word.removeprefix(prefix) for word in words if word.startswith(prefix))
    return [one for one in rest if form.fullmatch(one)]
