"""What a token allows: networks, areas and departments, written as a scope (RFC 6749, 3.3)."""

import re
from collections.abc import Iterable

from msgspec import Struct

from router.gateway.problems import ProblemError

EVERY = "*"
_NETWORK, _AREA, _DEPARTMENT, _METRICS = "report:", "area:", "department:", "metrics"
_NETWORK_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")
_DEPARTMENT_NAME = re.compile(r"[a-z][a-z0-9-]{0,47}")
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
    """First digits of the cells that it may report in and whose tasks it sees; empty: the whole city."""
    departments: frozenset[str] = frozenset()
    """Departments whose tasks it may read and answer; `*` for all."""
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
        if not self.has_cell(cell):
            areas = ", ".join(self.areas)
            raise ProblemError(
                "area-not-granted",
                f"the report is in the cell {cell}, and the token is for cells that begin with {areas}; "
                "correct the place, or send with a token of that area.",
            )

    def has_cell(self, cell: str) -> bool:
        """Whether the token is for the area of the cell."""
        return not self.areas or cell.startswith(self.areas)

    def department(self, asked: str | None) -> str:
        """The department that a request is about: the one that it names, or the only one of the token.

        Raises:
            ProblemError: the token is not for it, or is for several and none is named.
        """
        granted = ", ".join(sorted(self.departments)) or "no department"
        if asked is None and self.departments and (len(self.departments) > 1 or EVERY in self.departments):
            raise ProblemError("malformed", f"the token is for {granted}; name one with `?department=`.")
        department = asked if asked is not None else next(iter(self.departments), None)
        if department is None or not self.departments & {department, EVERY}:
            detail = f"the token is for {granted}; ask with a token that has the scope of the department."
            raise ProblemError("department-not-granted", detail)
        return department

    def check_metrics(self) -> None:
        """Raise ProblemError unless the token is for the metrics."""
        if not self.metrics:
            raise ProblemError("metrics-not-granted", "read the metrics with a token that has the scope `metrics`.")


class ScopeError(ValueError):
    """A scope that limits the token in a way that cannot be read: without the limit it would allow more."""


class Scope(Struct, frozen=True):
    """What a scope says."""

    networks: frozenset[str]
    areas: tuple[str, ...]
    departments: frozenset[str]
    metrics: bool
    unknown: list[str]
    """Words that say nothing to the gateway."""


def read_scope(scope: str) -> Scope:
    """The meaning of a scope: words with blanks between them.

    Args:
        scope: has `report:<network>` or `report:*`, `area:<first digits of cells>`, `department:<id>` or `department:*`, and `metrics`.

    Raises:
        ScopeError: a word for an area names none, or the scope is too long to be read as a whole. Any other word that says nothing
            only allows less.
    """
    if len(scope) > LONGEST_SCOPE:
        raise ScopeError(f"the scope has more than {LONGEST_SCOPE} characters")
    words = scope.split()
    for word in words:
        if word.casefold().startswith(_AREA) and not _AREA_CODE.fullmatch(word.removeprefix(_AREA)):
            raise ScopeError(f"{word[:40]!r} is no area; write `{_AREA}<digits>`, 2 to 15 of them")
    networks = frozenset(_named(words, _NETWORK, re.compile(rf"{_NETWORK_NAME.pattern}|\*")))
    departments = frozenset(_named(words, _DEPARTMENT, re.compile(rf"{_DEPARTMENT_NAME.pattern}|\*")))
    areas = tuple(_named(words, _AREA, _AREA_CODE))
    known = {_METRICS, *write_scope(networks, areas, departments).split()}
    unknown = [word for word in words if word not in known]
    return Scope(networks, areas, departments, _METRICS in words, unknown)


def write_scope(
    networks: Iterable[str], areas: Iterable[str], departments: Iterable[str] = (), *, metrics: bool = False
) -> str:
    """The scope of networks, areas and departments, and of the metrics."""
    words = [
        *(f"{_NETWORK}{one}" for one in networks),
        *(f"{_AREA}{one}" for one in areas),
        *(f"{_DEPARTMENT}{one}" for one in departments),
    ]
    return " ".join([*words, _METRICS] if metrics else words)


def _named(words: Iterable[str], prefix: str, form: re.Pattern[str]) -> list[str]:
    rest = (word.removeprefix(prefix) for word in words if word.startswith(prefix))
    return [one for one in rest if form.fullmatch(one)]
