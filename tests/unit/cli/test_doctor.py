"""The checks of `doctor` that need no broker: what they find, and the hint when it is wrong."""

import socket
import sys
from collections import namedtuple
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from router.cli import main as entry
from router.cli.checks import city as city_checks
from router.cli.checks import cluster, machine
from router.cli.checks.examine import examine
from router.cli.checks.outcome import Skipped
from router.cli.schemas import made
from router.wire.errors import BrokerError, CityError, InputError
from router.wire.offset_signing import GRACE, make_offset_keys
from router.wire.settings import Settings
from tests.support.broker import free_ports

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil's


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An embedded broker that was never started."""
    monkeypatch.delenv("GRID_ROUTER_KAFKA", raising=False)
    first = free_ports(3)
    return Settings(home=tmp_path / "home", broker_port=first, metrics_port=first + 2)


@pytest.fixture
def taken(settings: Settings) -> Iterator[socket.socket]:
    """A program that is not ours on the port of the metrics."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.metrics_port))
        yield other


def test_python() -> None:
    assert machine.python().endswith(".".join(map(str, sys.version_info[:3])))
    with pytest.raises(InputError, match=r"Python 3\.10\.4 is too old; .*3\.11"):
        machine.python((3, 10, 4))


def test_keys_that_trust_what_anybody_writes_for_long_are_named(settings: Settings, tmp_path: Path) -> None:
    """Until `trust-until` a forged offset counts, and the reports before it would be skipped in silence."""
    with pytest.raises(Skipped, match="no keys"):
        machine.signatures(settings)
    file, now = tmp_path / "keys", datetime(2026, 11, 30, 8, tzinfo=UTC)
    settings = settings.model_copy(update={"offset_keys": file})
    make_offset_keys(file, now)
    signed = "stored offsets are signed"
    assert machine.signatures(settings, now) == (
        f"{signed}; until 2026-11-30 09:00:00+00:00 those without a signature count, too"
    )
    assert machine.signatures(settings, now + GRACE) == signed
    key, _ = file.read_text().splitlines()
    for until in ("2026-12-01T08:00:01+00:00", "9999-12-31T23:59:59+00:00"):
        file.write_text(f"{key}\ntrust-until {until}\n")
        with pytest.raises(InputError, match=rf"until {until[:10]} .* counts without a signature; .*earlier"):
            machine.signatures(settings, now)
    file.write_text(f"{key}\n")
    assert machine.signatures(settings, now) == signed


def test_java_is_not_needed_for_an_outside_cluster(settings: Settings) -> None:
    with pytest.raises(Skipped, match="outside"):
        machine.java(settings.model_copy(update={"kafka": "127.0.0.1:1"}))


def test_free_ports(settings: Settings) -> None:
    first = settings.broker_port
    assert machine.ports(settings) == f"{first} and {first + 1} free, {first + 2} free"


def test_a_port_held_by_another_program_is_named_with_its_setting(settings: Settings, taken: socket.socket) -> None:
    with pytest.raises(InputError, match=rf"127\.0\.0\.1:{taken.getsockname()[1]}: .*GRID_ROUTER_METRICS_PORT"):
        machine.ports(settings)
    assert "free" in machine.ports(settings.model_copy(update={"metrics_port": 0}))
    moved = settings.model_copy(update={"broker_port": settings.metrics_port - 1, "metrics_port": 0})
    with pytest.raises(BrokerError, match=rf":{settings.metrics_port}: the port is in use.*GRID_ROUTER_BROKER_PORT"):
        machine.ports(moved)


def test_a_stopped_and_an_unreachable_broker(settings: Settings) -> None:
    with pytest.raises(BrokerError, match="Kafka is not running; `grid-router broker start`"):
        cluster.broker(settings)
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:1: no Kafka broker answers"):
        cluster.broker(settings.model_copy(update={"kafka": "127.0.0.1:1"}))


def test_topics_cannot_be_judged_without_a_broker(settings: Settings) -> None:
    with pytest.raises(Skipped, match="no broker"):
        cluster.topics(settings, "los-angeles")


def test_without_a_deployment_no_city_is_judged(settings: Settings, tmp_path: Path) -> None:
    """A folder with an error fails only when it is named."""
    (tmp_path / "cities" / "gotham").mkdir(parents=True)
    (tmp_path / "cities" / "gotham" / "city.yaml").write_text("title: {zh: 哥谭\n")
    settings = settings.model_copy(update={"cities": tmp_path / "cities"})
    found = {check.name: check for check in examine(settings, None)}
    assert (found["city"].state, found["city"].found) == ("skipped", "no broker runs")
    assert not [name for name in found if "gotham" in name]
    named = {check.name: check.state for check in examine(settings, "gotham")}
    assert (named["city"], named["catalogue gotham"], named["rules gotham"]) == ("ok", "failed", "skipped")


def test_catalogue_of_an_unknown_and_of_a_broken_city(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(CityError, match="no city 'atlantis'"):
        city_checks.catalogue(settings, "atlantis")
    (tmp_path / "gotham").mkdir()
    (tmp_path / "gotham" / "city.yaml").write_text("title: {zh: 哥谭\n")
    with pytest.raises(CityError, match=r"\.yaml:\d+:\d+: GR\d+ .*catalogue lint gotham"):
        city_checks.catalogue(settings.model_copy(update={"cities": tmp_path}), "gotham")


def test_schemas_that_differ_from_the_models_are_named(tmp_path: Path) -> None:
    with pytest.raises(Skipped, match="no source tree"):
        machine.schemas(tmp_path / "nowhere")
    for path, text in made().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    assert machine.schemas(tmp_path) == f"{len(made())} files as the models make them"
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 2.0.0\n")
    with pytest.raises(InputError, match=r"asyncapi\.yaml: the schema differs from its model; run `make schemas`"):
        machine.schemas(tmp_path)


def test_a_clock_before_this_release_is_wrong(settings: Settings) -> None:
    with pytest.raises(InputError, match=r"1970-01-01 00:00:07\+00:00, before .*NTP"):
        machine.clock(settings, now=7.0)
    right = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
    assert (
        machine.clock(settings, now=right) == "2027-01-02 03:04:05+00:00; plausible, there is no record to compare with"
    )


def test_a_full_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Usage(0, 0, 5 << 30))
    assert machine.disk(settings).startswith("5.0 GiB free")
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Usage(0, 0, 1 << 30))
    with pytest.raises(InputError, match=r"1\.0 GiB free in .*GRID_ROUTER_HOME"):
        machine.disk(settings)


def test_data_and_logs_that_others_may_read_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Skipped, match="no data and no logs yet"):
        machine.privacy(settings)
    monkeypatch.chdir(settings.home.parent)
    for name in ("kafka", "logs"):
        (settings.home / name).mkdir(0o700, parents=True)
    assert machine.privacy(settings) == "only this user reads home/kafka, home/logs"
    (settings.home / "logs").chmod(0o750)
    with pytest.raises(
        InputError, match=r"^home/logs: other users of this machine may read it; `chmod -R go= home/logs`"
    ):
        machine.privacy(settings)


def test_json_lists_every_check_and_one_failure_means_exit_1(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    for name in ("home", "broker_port", "metrics_port"):
        monkeypatch.setenv(f"GRID_ROUTER_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setattr(sys, "argv", ["grid-router", "doctor", "los-angeles", "-o", "json"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 1
    said = orjson.loads(capsysbinary.readouterr().out)
    assert said["healthy"] is False
    assert [check["name"].split()[0] for check in said["checks"]] == [
        "python",
        "settings",
        "signatures",
        "java",
        "ports",
        "broker",
        "city",
        "topics",
        "durability",
        "networks",
        "schemas",
        "catalogue",
        "rules",
        "clock",
        "disk",
        "privacy",
    ]
    failed = {check["name"]: check["hint"] for check in said["checks"] if check["state"] == "failed"}
    assert failed == {"broker": "`grid-router broker start`"}
