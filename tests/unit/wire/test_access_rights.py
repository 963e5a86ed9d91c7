"""Who may do what, from the page: rights of each kind of user, and the difference to what a cluster has."""

import pytest
from msgspec.structs import replace

from router.wire.access_rights import Access, ByteRates, Right, UserQuota, compare, declared_access
from router.wire.declared_topics import declared
from router.wire.topic_names import Names

NAMES = Names("drill.")
TOPICS = declared(NAMES, networks=["policing"], departments=["police", "fire"], partitions=2)
ACCESS = declared_access(NAMES, TOPICS, ["policing"], ["police", "fire"])
EMPTY = Access(users=(), rights=())
STATE = ["cases", "dead-letters", "dedup.policing", "events", "feedback-offsets", "offsets", "rule-sets"]
OUTPUTS = ["archive", "escalations", "transitions"]


def rights_of(user: str) -> set[tuple[str, str]]:
    """Operation and resource, of which a name that ends with `...` is the begin of many; names without the namespace."""
    return {
        (one.operation, f"{one.name.removeprefix('drill.')}{'...' if one.prefixed else ''}")
        for one in ACCESS.rights
        if one.user == f"drill.{user}"
    }


def topics(operation: str, user: str) -> list[str]:
    return sorted(
        one.name.removeprefix("drill.")
        for one in ACCESS.rights
        if (one.operation, one.user, one.resource) == (operation, f"drill.{user}", "topic")
    )


def test_every_user_of_a_deployment_begins_with_its_namespace() -> None:
    assert ACCESS.users == [
        "drill.department-fire",
        "drill.department-police",
        "drill.gateway",
        "drill.network-policing",
        "drill.operator",
        "drill.publisher",
        "drill.repairer",
        "drill.router",
        "drill.supervision",
    ]
    assert declared_access(Names(), TOPICS, ["policing"], []).users[0] == "gateway"


def test_a_network_writes_its_own_topic_and_reads_what_was_rejected_of_it() -> None:
    assert rights_of("network-policing") == {
        ("write", "reports.policing"),
        ("read", "rejections.policing"),
    }


def test_a_department_reads_its_tasks_and_rejections_and_writes_its_feedback() -> None:
    assert rights_of("department-police") == {
        ("write", "feedback.police"),
        ("read", "feedback.rejected.police"),
        ("read", "tasks.police"),
        ("read", "police"),
        ("read", "police...."),
    }


def test_supervision_has_no_tasks_and_hears_of_escalations() -> None:
    assert rights_of("supervision") == {
        ("write", "feedback.supervision"),
        ("read", "feedback.rejected.supervision"),
        ("read", "grid.escalations"),
        ("read", "grid.cases"),
        ("read", "supervision"),
        ("read", "supervision...."),
    }


def test_gateway_and_publisher_have_the_rule_sets_and_their_own() -> None:
    assert rights_of("gateway") == {
        ("write", "reports.policing"),
        ("read", "rejections.policing"),
        *(("write", f"feedback.{one}") for one in ("fire", "police")),
        *(("read", f"tasks.{one}") for one in ("fire", "police")),
        *(("read", f"feedback.rejected.{one}") for one in ("fire", "police")),
        *(("read", f"grid.{name}") for name in ("rule-sets", "cases", "archive")),
    }
    assert rights_of("publisher") == {
        ("write", "grid.rule-sets"),
        ("read", "grid.rule-sets"),
        ("read", "grid.cases"),
    }


def test_the_router_alone_writes_what_it_decides() -> None:
    grid = [f"grid.{name}" for name in sorted([*STATE, *OUTPUTS])]
    others = ["feedback.rejected.fire", "feedback.rejected.police", "feedback.rejected.supervision"]
    others += ["rejections.policing", "tasks.fire", "tasks.police"]
    assert topics("write", "router") == sorted([*grid, *others])
    inputs = ["feedback.fire", "feedback.police", "feedback.supervision", "reports.policing"]
    assert topics("read", "router") == sorted([*grid, *inputs])
    writers = {
        one.name: {r.user for r in ACCESS.rights if (r.name, r.operation, r.resource) == (one.name, "write", "topic")}
        for one in TOPICS
    }
    shared = {
        "drill.grid.rule-sets": {"drill.router", "drill.publisher"},
        "drill.grid.repairs": {"drill.repairer"},
        **{
            f"drill.grid.{name}": {"drill.router", "drill.repairer"}
            for name in ("events", "archive", "transitions", "dead-letters")
        },
    }
    for name, users in writers.items():
        if name.startswith("drill.grid."):
            assert users == shared.get(name, {"drill.router"}), name


def test_groups_and_transactional_ids_of_the_router_are_its_own() -> None:
    used = {one for one in ACCESS.rights if one.resource in {"group", "transactional id"} and "grid-router" in one.name}
    assert {(one.user, one.resource, one.name, one.operation, one.prefixed) for one in used} == {
        ("drill.router", "group", "drill.grid-router", "read", False),
        ("drill.operator", "group", "drill.grid-router", "describe", False),
        ("drill.router", "transactional id", "drill.grid-router-normalise-", "write", True),
        ("drill.router", "transactional id", "drill.grid-router-merge-", "write", True),
        ("drill.router", "transactional id", "drill.grid-router-drill.reports.", "write", True),
        ("drill.router", "transactional id", "drill.grid-router-drill.feedback.", "write", True),
        ("drill.repairer", "transactional id", "drill.grid-router-repairs", "write", False),
    }


def test_an_operator_reads_everything_and_writes_nothing() -> None:
    assert topics("read", "operator") == sorted(one.name.removeprefix("drill.") for one in TOPICS)
    assert {one.operation for one in ACCESS.rights if one.user == "drill.operator"} == {
        "read",
        "describe",
        "describe_configs",
    }


def test_a_cluster_as_declared_has_no_difference() -> None:
    plan = compare(ACCESS, ACCESS, NAMES)
    assert not plan.drift
    assert plan.unchanged == len(ACCESS.rights)


def test_on_an_empty_cluster_everything_is_missing() -> None:
    plan = compare(ACCESS, EMPTY, NAMES)
    assert (plan.missing_users, plan.missing) == (ACCESS.users, ACCESS.rights)
    assert (plan.undeclared, plan.undeclared_users, plan.wider) == ([], [], [])


STRANGE = {
    "a right of a department that is not declared": Right("drill.department-gone", "topic", "drill.tasks.gone", "read"),
    "a right of another to a topic": Right("alice", "topic", "drill.tasks.police", "read"),
    "a right of our user to another's topic": Right("drill.router", "topic", "payroll", "read"),
    "a transactional id of the router": Right("alice", "transactional id", "drill.grid-router-merge-3", "write"),
    "a denial": Right("drill.router", "topic", "drill.grid.cases", "write", allows=False),
    "a right from one host": Right("drill.router", "topic", "drill.grid.cases", "write", host="10.0.0.1"),
}


@pytest.mark.parametrize("strange", STRANGE)
def test_what_is_not_declared_is_named(strange: str) -> None:
    found = Access(users=[*ACCESS.users, "alice"], rights=[*ACCESS.rights, STRANGE[strange]])
    plan = compare(ACCESS, found, NAMES)
    assert (plan.undeclared, plan.wider, plan.missing) == ([STRANGE[strange]], [], [])
    assert plan.drift


@pytest.mark.parametrize(
    "wide",
    [
        Right("alice", "topic", "*", "read"),
        Right("alice", "topic", "drill.", "read", prefixed=True),
        Right("alice", "group", "d", "read", prefixed=True),
        Right("alice", "transactional id", "drill.grid-router", "write", prefixed=True),
    ],
)
def test_a_wider_right_of_another_is_named_and_stays(wide: Right) -> None:
    found = Access(users=ACCESS.users, rights=[*ACCESS.rights, wide])
    plan = compare(ACCESS, found, NAMES)
    assert (plan.undeclared, plan.wider, plan.drift) == ([], [wide], True)
    assert not compare(ACCESS, found, NAMES, known={"alice"}).drift


def test_another_deployment_on_the_cluster_is_left_alone() -> None:
    other = declared_access(Names("live."), TOPICS, ["policing"], ["police"])
    mine = replace(ACCESS, users=[*ACCESS.users, *other.users], rights=[*ACCESS.rights])
    moved = [replace(one, name=one.name.replace("drill.", "live.")) for one in other.rights if one.resource == "topic"]
    plan = compare(ACCESS, replace(mine, rights=[*ACCESS.rights, *moved]), NAMES)
    assert not plan.drift


def test_a_namespace_with_the_name_of_a_department_keeps_its_groups() -> None:
    """Else `apply --remove` would stop another deployment."""
    names, theirs = Names(), Names("drill.")
    topics = declared(names, networks=["policing"], departments=["drill"], partitions=2)
    ours = declared_access(names, topics, ["policing"], ["drill"])
    others = declared(theirs, networks=["policing"], departments=["police"], partitions=2)
    their = declared_access(theirs, others, ["policing"], ["police"])
    found = Access(users=[*ours.users, *their.users], rights=[*ours.rights, *their.rights])
    assert not compare(ours, found, names).drift
    strange = Right("alice", "group", "drill.system", "read")
    assert list(compare(ours, Access(users=found.users, rights=[*found.rights, strange]), names).undeclared) == [
        strange
    ]


def test_a_department_that_is_gone_is_an_undeclared_user() -> None:
    found = Access(
        users=[*ACCESS.users, "drill.department-gone", "network.router", "network.department-x", "admin", "alice"],
        rights=ACCESS.rights,
    )
    assert compare(ACCESS, found, NAMES).undeclared_users == ["drill.department-gone"]


def test_a_right_in_words() -> None:
    assert str(Right("police", "group", "police.", "read", prefixed=True)) == "police may read group police...."
    assert str(Right("a", "topic", "t", "write", allows=False, host="h")) == "a must not write topic t from h"


QUOTAS = {"network": ByteRates(writes=2048, reads=4096), "department": ByteRates(reads=8192), "gateway": ByteRates()}
LIMITED = declared_access(NAMES, TOPICS, ["policing"], ["police", "fire"], QUOTAS)


def test_each_user_of_a_kind_has_its_quota() -> None:
    assert LIMITED.quotas == [
        UserQuota("drill.department-fire", "read", 8192),
        UserQuota("drill.department-police", "read", 8192),
        UserQuota("drill.network-policing", "read", 4096),
        UserQuota("drill.network-policing", "write", 2048),
    ]


def test_other_rates_and_undeclared_quotas_are_drift() -> None:
    """Another rate is missing as declared; quotas of other deployments and of other users are not ours."""
    others = [
        UserQuota("network-policing", "write", 1),
        UserQuota("alice", "read", 1),
        UserQuota("drill.own.network-x", "read", 1),
    ]
    mine = [
        UserQuota("drill.network-policing", "write", 9),
        UserQuota("drill.operator", "read", 7),
        *list(LIMITED.quotas or ())[:3],
    ]
    plan = compare(LIMITED, replace(LIMITED, quotas=[*mine, *others]), NAMES)
    assert plan.missing_quotas == [UserQuota("drill.network-policing", "write", 2048)]
    assert plan.undeclared_quotas == [UserQuota("drill.operator", "read", 7)]
    assert (plan.drift, plan.differences) == (True, 2)
    assert str(plan.missing_quotas[0]) == "drill.network-policing may write 2,048 bytes per second"
    assert not compare(LIMITED, LIMITED, NAMES).drift


def test_a_city_that_says_nothing_leaves_quotas_alone() -> None:
    assert not compare(ACCESS, replace(ACCESS, quotas=[UserQuota("drill.operator", "read", 7)]), NAMES).drift
