"""Misspelt and renamed settings are named; foreign variables of the environment are not."""

import sys

import pytest

from router.cli import main as entry
from router.cli.checks import machine
from router.wire.errors import InputError
from router.wire.settings import RENAMED, Settings, misspelt
from tests.support.repository import ROOT


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("GRID_ROUTER_PARTITION", "GRID_ROUTER_PARTITIONS"),
        ("GRID_ROUTER_KAFAK", "GRID_ROUTER_KAFKA"),
        ("GRID_ROUTER_METRIC_PORT", "GRID_ROUTER_METRICS_PORT"),
        ("GRID_ROUTER_NAME_SPACE", "GRID_ROUTER_NAMESPACE"),
        ("grid_router_comit_limit_s", "GRID_ROUTER_COMMIT_LIMIT_S"),
    ],
)
def test_a_misspelt_setting_is_named_with_the_right_one(
    given: str, meant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(given, "3")
    assert misspelt() == {given: meant}
    monkeypatch.setattr(sys, "argv", ["grid-router", "broker", "status"])
    with pytest.raises(SystemExit):
        entry.main()
    assert f"{given} is no setting and changes nothing; did you mean {meant}?\n" in capsys.readouterr().err
    with pytest.raises(InputError, match=f"{given} is no setting and changes nothing; set {meant} "):
        machine.names_of_settings()


@pytest.mark.parametrize(
    ("given", "now"),
    [
        ("GRID_ROUTER_OPENING_LIMIT_S", "GRID_ROUTER_RESTORE_LIMIT_S"),
        ("GRID_ROUTER_UNREAD_LIMIT_S", "GRID_ROUTER_FETCH_LIMIT_S"),
        ("grid_router_unread_limit_s", "GRID_ROUTER_FETCH_LIMIT_S"),
    ],
)
def test_an_old_setting_is_named_with_its_new_name(
    given: str, now: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(given, "3")
    monkeypatch.setattr(sys, "argv", ["grid-router", "broker", "status"])
    with pytest.raises(SystemExit):
        entry.main()
    sentence = f"{given} changes nothing, because that setting is now {now}; rename the variable."
    assert f"{sentence}\n" in capsys.readouterr().err
    with pytest.raises(InputError) as raised:
        machine.names_of_settings()
    assert str(raised.value) == sentence


def test_every_old_setting_is_on_the_upgrade_page() -> None:
    page = (ROOT / "docs" / "how-to" / "upgrade.md").read_text("utf-8")
    for old, new in RENAMED.items():
        assert new.lower() in Settings.model_fields
        assert f"| `GRID_ROUTER_{old}` | `GRID_ROUTER_{new}` |" in page


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_no_setting_counts_as_misspelt(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"GRID_ROUTER_{name.upper()}", "1")
        monkeypatch.setenv(f"grid_router_{name}", "1")
    assert misspelt() == {}


@pytest.mark.parametrize(
    "name",
    [
        "GRID_ROUTER_SERVICE_HOST",
        "GRID_ROUTER_SERVICE_PORT",
        "GRID_ROUTER_SERVICE_PORT_METRICS",
        "GRID_ROUTER_PORT",
        "GRID_ROUTER_PORT_19100_TCP",
        "GRID_ROUTER_PORT_19100_TCP_PORT",
        "GRID_ROUTER_PORT_19100_TCP_ADDR",
        "ROUTER_PARTITION",
    ],
)
def test_variables_that_kubernetes_sets_are_not_reported(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:19100")
    assert misspelt() == {}
    assert machine.names_of_settings() == "every variable is a setting"
