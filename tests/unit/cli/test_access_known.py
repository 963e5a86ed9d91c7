"""`access plan`, `check` and `apply` leave out the rights of the same users: what is shown is what goes."""

import sys
from typing import Any

import pytest

from router.broker import access as cluster
from router.cli import access as command_module
from router.cli import main as entry
from router.wire.access_rights import Access, AccessPlan, Right, declared_access
from router.wire.declared_topics import topics_of
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.support.cities import shipped

CITY = "puyang"
ALICE = Right("alice", "topic", "tasks.police", "read")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("command", ["plan", "apply", "check"])
def test_a_known_user_keeps_the_rights(
    command: str, known: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    city = shipped(CITY)
    declared = declared_access(Names(), topics_of(city, Settings()), city.codes, city.catalogue.departments, None)
    applied: list[AccessPlan] = []

    def apply(_: str, plan: AccessPlan, *__: Any, **___: Any) -> None:
        applied.append(plan)

    monkeypatch.setenv("GRID_ROUTER_KAFKA", "127.0.0.1:1")
    monkeypatch.setattr(command_module, "load_city", lambda *_: city)
    monkeypatch.setattr(command_module, "read_quotas", lambda *_: None)
    monkeypatch.setattr(
        cluster, "found", lambda _, **__: Access(users=declared.users, rights=[*declared.rights, ALICE], quotas=())
    )
    monkeypatch.setattr(cluster, "apply", apply)
    words = ["access", command, CITY, *(["--known", "alice"] if known else [])]
    monkeypatch.setattr(sys, "argv", ["grid-router", *words, *(["--remove"] if command == "apply" else [])])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert (ended.value.code or 0) == (1 if command == "check" and not known else 0)
    assert ("alice" in capsys.readouterr().out) == (not known)
    assert [list(plan.undeclared) for plan in applied] == ([[] if known else [ALICE]] if command == "apply" else [])
