"""systemd accepts the units, and they leave a program little that it could do."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.platforms.deployment import GATEWAY, STOP_S, VENV, WORKER
from tests.support.repository import ROOT

FOLDER = ROOT / "deploy" / "systemd"
UNITS = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.service"))}
EXPOSURE = 20
"""Most of 100 that `systemd-analyze security` may find; a unit without limits has 96."""
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The units, with a program that exists on every machine."""
    for name, text in UNITS.items():
        (tmp_path / name).write_text(text.replace(f"{VENV}/bin/grid-router", "/bin/true"), encoding="utf-8")
    return tmp_path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60)


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_a_unit_and_finds_it_closed(name: str, folder: Path) -> None:
    verified = analyze("verify", str(folder / name))
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", str(folder / name))
    assert judged.returncode == 0, judged.stdout


@needs_systemd
def test_a_misspelt_line_is_found(folder: Path) -> None:
    unit = folder / "grid-router.service"
    unit.write_text(unit.read_text("utf-8").replace("TimeoutStopSec=", "TimeoutStopsec="), encoding="utf-8")
    assert "TimeoutStopsec" in analyze("verify", str(unit)).stderr


@pytest.mark.parametrize(("name", "one"), [("grid-router.service", WORKER), ("grid-router-gateway.service", GATEWAY)])
def test_each_secret_is_handed_over_and_named(name: str, one: object, monkeypatch: pytest.MonkeyPatch) -> None:
    del monkeypatch
    handed = set(re.findall(r"^LoadCredential=([\w-]+):", UNITS[name], re.MULTILINE))
    named = set(re.findall(r"^Environment=\w+=%d/([\w-]+)$", UNITS[name], re.MULTILINE))
    assert handed == named == set(one.secrets.values())  # type: ignore[attr-defined]


def test_the_units_share_no_folder_and_no_user() -> None:
    folders = [re.findall(r"^StateDirectory=(.*)$", text, re.MULTILINE) for text in UNITS.values()]
    assert folders == [["grid-router-gateway"], ["grid-router-worker"]]
    for text in UNITS.values():
        assert "DynamicUser=yes" in text
        assert f"TimeoutStopSec={STOP_S}" in text
        assert "\nSystemCallFilter=@system-service\nSystemCallFilter=~@privileged\n" in text, "a worker calls setrlimit"
