"""Who may do what on the cluster: users and rights of one deployment, derived from its networks, departments and topics.

Pure: `router/broker/access.py` compares it with a cluster. A right is one of Kafka's ACLs (KIP-11, KIP-290).

    user                   reads                                            writes
    router                 reports.*, feedback.*, grid.*                    grid.*, tasks.*, rejections.*, feedback.rejected.*
    network-<network>      its rejections                                   its reports
    department-<id>        its tasks, rejections of its feedback            its feedback
    supervision            escalations, cases, rejections of its feedback   its feedback
    gateway                rule sets, cases, archive, rejections and tasks  reports of every network, feedback of every department
    publisher              rule sets, cases                                 rule sets
    repairer               everything                                       repairs, and what is redriven or erased
    operator               everything                                       nothing
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, get_args

from msgspec import Struct

from router.domain.model.feedback import SUPERVISION
from router.wire.declared_topics import Topic
from router.wire.durability import INTERNAL_TOPICS
from router.wire.topic_names import Names

Resource = Literal["topic", "group", "transactional id", "cluster", "user", "delegation token"]
ROUTER, GATEWAY, PUBLISHER, REPAIRER, OPERATOR = "router", "gateway", "publisher", "repairer", "operator"
NETWORK, DEPARTMENT = "network-", "department-"
"""How the users of networks and departments begin, after the namespace. No user has a dot but that of the namespace."""
CLUSTER = "kafka-cluster"
"""Kafka's name of the cluster as a resource."""
EVERYTHING = "*"
QuotaKind = Literal["network", "department", "supervision", "gateway", "publisher", "repairer", "operator"]
QUOTA_KINDS: tuple[QuotaKind, ...] = get_args(QuotaKind)
"""Kinds of users that may have a quota. The router has none: what limits it limits everybody."""
STAGES = ("normalise", "merge")
"""First words of a stream task's transactional id; after another split of a topic it is that topic."""


class Right(Struct, frozen=True, order=True):
    """One ACL."""

    user: str
    """Without `User:`; a principal of another kind is kept whole."""
    resource: Resource
    name: str
    operation: str
    """As Kafka names it, in lower case: `read`, `write`, `describe`, `describe_configs`, ..."""
    prefixed: bool = False
    """Whether it is for every resource whose name begins so."""
    allows: bool = True
    host: str = EVERYTHING

    def covers(self, resource: Resource, name: str) -> bool:
        """Whether it is for this resource, alone or among others."""
        if self.resource != resource:
            return False
        return name.startswith(self.name) if self.prefixed else self.name in {EVERYTHING, name}

    def __str__(self) -> str:
        """In words, for people."""
        verb = "may" if self.allows else "must not"
        end = "..." if self.prefixed else ""
        host = "" if self.host == EVERYTHING else f" from {self.host}"
        return f"{self.user} {verb} {self.operation} {self.resource} {self.name}{end}{host}"


class UserQuota(Struct, frozen=True, order=True):
    """How many bytes per second a user may write or read at each broker; Kafka answers him later when it is more."""

    user: str
    operation: Literal["write", "read"]
    per_second: int

    def __str__(self) -> str:
        """In words, for people."""
        return f"{self.user} may {self.operation} {self.per_second:,} bytes per second"


class ByteRates(Struct, frozen=True, kw_only=True):
    """Bytes per second of a kind of user; None: as many as it can."""

    writes: int | None = None
    reads: int | None = None


class Access(Struct, frozen=True, kw_only=True):
    """What is declared, or what was found."""

    users: Collection[str]
    rights: Collection[Right]
    quotas: Collection[UserQuota] | None = ()
    """None: the city says nothing about quotas, so those of the cluster are left alone."""


class AccessPlan(Struct, frozen=True, kw_only=True):
    """The difference between declaration and cluster."""

    missing_users: Sequence[str]
    undeclared_users: Sequence[str]
    """Users of this deployment that it does not declare any more."""
    missing: Sequence[Right]
    undeclared: Sequence[Right]
    """Rights to what is this deployment's alone, or of its users."""
    wider: Sequence[Right]
    """Rights of others to this deployment and to more: never removed here, because others may depend on them."""
    missing_quotas: Sequence[UserQuota] = ()
    """Also those that are there with another rate."""
    undeclared_quotas: Sequence[UserQuota] = ()
    """Of users of this deployment that have none by the city."""
    unchanged: int

    @property
    def drift(self) -> bool:
        """Whether anything differs."""
        return bool(self.differences)

    @property
    def differences(self) -> int:
        """How many."""
        users, rights = (self.missing_users, self.undeclared_users), (self.missing, self.undeclared, self.wider)
        return sum(map(len, (*users, *rights, self.missing_quotas, self.undeclared_quotas)))


def declared_access(
    names: Names,
    topics: Iterable[Topic],
    networks: Iterable[str],
    departments: Iterable[str],
    quotas: Mapping[str, ByteRates] | None = None,
) -> Access:
    """The users and rights of a deployment.

    Args:
        names: of its topics.
        topics: that it declares.
        networks: ids.
        departments: ids.
        quotas: by kind of user; None: the city says nothing about them.
    """
    all_topics, networks, departments = list(topics), sorted(networks), sorted(departments)
    senders = {f"{DEPARTMENT}{one}": one for one in departments} | {SUPERVISION: SUPERVISION}
    rights = [
        *_router(names, all_topics),
        *(right for network in networks for right in _network(names, network)),
        *(right for user, sender in senders.items() for right in _sender(names, user, sender)),
        *(_topic(SUPERVISION, name, "read") for name in (names.escalations, names.cases)),
        *_gateway(names, networks, departments),
        *(_topic(PUBLISHER, names.rule_sets, operation) for operation in ("read", "write")),
        _topic(PUBLISHER, names.cases, "read"),
        *_repairer(names, all_topics),
        *_operator(names, all_topics),
    ]
    owned = [_of(names, right) for right in rights]
    users = sorted({right.user for right in owned})
    limits = None if quotas is None else sorted(_quotas(names, users, quotas))
    return Access(users=users, rights=sorted(set(owned)), quotas=limits)


def compare(declared: Access, found: Access, names: Names, *, known: Collection[str] = ()) -> AccessPlan:
    """What differs. Rights and users of other deployments on the cluster are left out.

    Args:
        declared: of this deployment.
        found: on the cluster, of all deployments.
        names: of this deployment.
        known: users of no deployment, such as administrators, whose rights are left out.
    """
    rights, ours = set(declared.rights), _resources(declared)
    others = [right for right in found.rights if right not in rights and right.user not in known]
    own = {right for right in others if _is_user_of(right.user, names, declared) or _is_inside(right, ours)}
    wider = {right for right in others if any(right.covers(resource, name) for resource, name, _ in ours)} - own
    return AccessPlan(
        missing_users=sorted(set(declared.users) - set(found.users)),
        undeclared_users=sorted(
            user for user in found.users if user not in declared.users and _is_user_of(user, names, declared)
        ),
        missing=sorted(rights - set(found.rights)),
        undeclared=sorted(own),
        wider=sorted(wider),
        missing_quotas=sorted(set(declared.quotas or ()) - set(found.quotas or ())),
        undeclared_quotas=_undeclared_quotas(declared, found, names),
        unchanged=len(rights & set(found.rights)),
    )


def _quotas(names: Names, users: Iterable[str], quotas: Mapping[str, ByteRates]) -> Iterator[UserQuota]:
    for user in users:
        rates = quotas.get(kind_of(user.removeprefix(names.namespace)))
        if rates is not None and rates.writes is not None:
            yield UserQuota(user, "write", rates.writes)
        if rates is not None and rates.reads is not None:
            yield UserQuota(user, "read", rates.reads)


def kind_of(user: str) -> str:
    """The kind of a user, without the namespace."""
    prefix = next((one for one in (NETWORK, DEPARTMENT) if user.startswith(one)), "")
    return prefix.removesuffix("-") or user


def _undeclared_quotas(declared: Access, found: Access, names: Names) -> list[UserQuota]:
    if declared.quotas is None:
        return []
    limited = {(one.user, one.operation) for one in declared.quotas}
    own = [one for one in found.quotas or () if _is_user_of(one.user, names, declared)]
    return sorted(one for one in own if (one.user, one.operation) not in limited)


def _router(names: Names, topics: Sequence[Topic]) -> Iterable[Right]:
    """The only writer of what the router decides. It reads what others write for it, and writes no repairs."""
    for topic in topics:
        own = topic.name.startswith(f"{names.namespace}grid.") and topic.name != names.repairs
        if own or topic.access == "read":
            yield _topic(ROUTER, topic.name, "read")
        if own or topic.access == "written":
            yield _topic(ROUTER, topic.name, "write")
        yield from (_topic(ROUTER, topic.name, operation) for operation in ("describe", "describe_configs"))
    for name in INTERNAL_TOPICS:  # a worker checks how many replicas they have
        yield from (_topic(ROUTER, name, operation) for operation in ("describe", "describe_configs"))
    yield Right(ROUTER, "group", names.group, "read")
    of_topics = (names.reports(""), names.feedback(""))
    for begin in (*(f"{stage}-" for stage in STAGES), *of_topics):
        yield Right(ROUTER, "transactional id", f"{names.group}-{begin}", "write", prefixed=True)


def _network(names: Names, network: str) -> Iterable[Right]:
    user = f"{NETWORK}{network}"
    yield _topic(user, names.reports(network), "write")
    yield _topic(user, names.rejections(network), "read")
    yield Right(user, "group", names.rejections(network), "read")


def _sender(names: Names, user: str, sender: str) -> Iterable[Right]:
    """A department, or supervision, which has no tasks. Its groups are those of the department's client."""
    yield _topic(user, names.feedback(sender), "write")
    yield _topic(user, names.rejected_feedback(sender), "read")
    if sender != SUPERVISION:
        yield _topic(user, names.tasks(sender), "read")
    group = f"{names.namespace}{sender}"
    yield Right(user, "group", group, "read")
    yield Right(user, "group", f"{group}.", "read", prefixed=True)


def _gateway(names: Names, networks: Iterable[str], departments: Iterable[str]) -> Iterable[Right]:
    """For apps, receipts, and departments without Kafka. It belongs to no group."""
    for network in networks:
        yield _topic(GATEWAY, names.reports(network), "write")
        yield _topic(GATEWAY, names.rejections(network), "read")
    for department in departments:
        yield _topic(GATEWAY, names.feedback(department), "write")
        yield from (_topic(GATEWAY, of(department), "read") for of in (names.tasks, names.rejected_feedback))
    yield from (_topic(GATEWAY, name, "read") for name in (names.rule_sets, names.cases, names.archive))


def _repairer(names: Names, topics: Sequence[Topic]) -> Iterable[Right]:
    """Repairs, redrives and erases: it writes into the topics that a rejected record came from, and what an erasure replaces."""
    erases = {names.repairs, names.events, names.archive, names.transitions, names.dead_letters}
    for topic in topics:
        yield _topic(REPAIRER, topic.name, "read")
        if topic.name in erases or topic.access == "read":
            yield _topic(REPAIRER, topic.name, "write")
    yield Right(REPAIRER, "transactional id", f"{names.group}-repairs", "write")


def _operator(names: Names, topics: Sequence[Topic]) -> Iterable[Right]:
    for topic in topics:
        yield from (_topic(OPERATOR, topic.name, operation) for operation in ("read", "describe_configs"))
    yield Right(OPERATOR, "group", names.group, "describe")
    yield from (Right(OPERATOR, "cluster", CLUSTER, operation) for operation in ("describe", "describe_configs"))


def _topic(user: str, name: str, operation: str) -> Right:
    return Right(user, "topic", name, operation)


def _of(names: Names, right: Right) -> Right:
    """The same right, of the user of this deployment."""
    return Right(f"{names.namespace}{right.user}", right.resource, right.name, right.operation, right.prefixed)


def _is_user_of(user: str, names: Names, declared: Access) -> bool:
    """Whether a user is of this deployment, declared or not any more."""
    own = user.removeprefix(names.namespace) if user.startswith(names.namespace) else "."
    return user in declared.users or (own.startswith((NETWORK, DEPARTMENT)) and "." not in own)


def _resources(declared: Access) -> set[tuple[Resource, str, bool]]:
    """Topics, groups and transactional ids that are this deployment's alone, and whether each is the begin of many names."""
    return {
        (right.resource, right.name, right.prefixed)
        for right in declared.rights
        if right.resource != "cluster" and right.name not in INTERNAL_TOPICS
    }


def _is_inside(right: Right, ours: Collection[tuple[Resource, str, bool]]) -> bool:
    """Whether a right is for what is this deployment's alone.

    The groups `drill.*` of a department `drill` are also those of a namespace `drill.`: the rights of its own users to them are theirs.
    """
    return any(
        right.resource == resource
        and (
            (right.name, right.prefixed) == (name, prefixed)
            or (prefixed and right.name.startswith(name) and not right.user.startswith(name))
        )
        for resource, name, prefixed in ours
    )
