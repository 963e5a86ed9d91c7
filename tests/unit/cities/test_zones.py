"""A city's zone is that of the locked package, whatever tz database the machine has."""

import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

FORGED = "from router.cities.zones import read_zone; from datetime import datetime; print(datetime(2026, 3, 2, tzinfo=read_zone('Asia/Shanghai')).utcoffset())"


def test_the_machines_tz_database_does_not_count(tmp_path: Path) -> None:
    utc = resources.files("tzdata").joinpath("zoneinfo", "UTC").read_bytes()
    (tmp_path / "Asia").mkdir()
    (tmp_path / "Asia" / "Shanghai").write_bytes(utc)
    environment = os.environ | {"PYTHONTZPATH": str(tmp_path)}
    plain = "from zoneinfo import ZoneInfo; from datetime import datetime; print(datetime(2026, 3, 2, tzinfo=ZoneInfo('Asia/Shanghai')).utcoffset())"
    assert _run(plain, environment) == "0:00:00"  # the forged database is really read
    assert _run(FORGED, environment) == "8:00:00"


def _run(code: str, environment: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()
