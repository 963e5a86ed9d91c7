"""The files of all platforms are those of the one source, and name settings, commands, paths and ports that exist."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from deploy.platforms import generate
from deploy.platforms.deployment import GATEWAY, IMAGE, PROGRAMS, SHARED, STOP_S, TOPICS, WORKER, environment
from deploy.platforms.systemd import SETTINGS
from router import __version__
from router.gateway.front_door import OPEN_PATHS
from router.gateway.server import DRAIN_S
from router.wire.settings import PREFIX, Settings, misspelt, renamed_settings
from tests.support.cities import shipped
from tests.support.repository import ROOT
from tests.unit.docs.test_commands import problem

FILES = generate.files()
VARIABLE = re.compile(rf"\b{PREFIX}([A-Z0-9_]+)\b")


def test_the_files_are_what_the_source_makes() -> None:
    assert generate.main(["--check"]) == 0, "run `make platforms`"


def test_a_file_that_differs_or_is_too_many_fails_the_check_and_secrets_do_not_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in generate.FOLDERS:
        shutil.copytree(generate.DEPLOY / folder, tmp_path / folder)
    (tmp_path / "compose" / "secrets").mkdir(exist_ok=True)
    (tmp_path / "compose" / "secrets" / "offset-keys").write_bytes(b"\xff")
    assert generate.main(["--check"], tmp_path) == 0
    (tmp_path / "kubernetes" / "worker.yaml").write_text("{}", encoding="utf-8")
    (tmp_path / "systemd" / "old.service").write_text("", encoding="utf-8")
    assert generate.main(["--check"], tmp_path) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == ["deploy/kubernetes/worker.yaml", "deploy/systemd/old.service"]
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0
    assert not (tmp_path / "systemd" / "old.service").exists()


@pytest.mark.parametrize("name", FILES)
def test_every_setting_in_a_file_exists(name: str) -> None:
    assert {found.lower() for found in VARIABLE.findall(FILES[name])} - set(Settings.model_fields) == set()


@pytest.mark.parametrize("program", [None, *PROGRAMS], ids=lambda one: one.name if one else "topics")
def test_the_environment_of_a_program_is_valid(program: object, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment("kafka-1:9092", program).items():  # type: ignore[arg-type]
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.kafka == "kafka-1:9092"
    assert settings.partitions == int(SHARED["PARTITIONS"])
    assert not misspelt()
    assert not renamed_settings()


@pytest.mark.parametrize(
    "line",
    [
        *(" ".join(("grid-router", *one)) for one in (TOPICS, *(program.command for program in PROGRAMS))),
        *(
            f"grid-router {shlex.join(shlex.split(found)[1:])}"
            for text in FILES.values()
            for found in re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
        ),
    ],
)
def test_every_command_exists_and_names_a_shipped_city(line: str) -> None:
    assert problem(line) is None
    assert shipped(next(word for word in reversed(line.split()) if word.isalpha() and word != "workers"))


def test_the_programs_serve_where_they_are_probed() -> None:
    assert {GATEWAY.ready.path, GATEWAY.alive.path} == set(OPEN_PATHS)  # type: ignore[union-attr]
    for one, setting in ((WORKER, "METRICS"), (GATEWAY, "GATEWAY")):
        assert one.settings[f"{setting}_PORT"] == str(one.port)
        assert one.settings[f"{setting}_HOST"] == "0.0.0.0"
    assert WORKER.alive is None, "a worker that starts slowly must not be killed; one that hangs ends itself"


def test_a_program_has_time_to_end() -> None:
    assert Settings.model_fields["drain_s"].default * 2 < STOP_S
    assert DRAIN_S < STOP_S


def test_the_image_is_of_this_version() -> None:
    assert f"grid-router:{__version__.partition('.dev')[0]}" == IMAGE


def test_no_secret_is_in_a_file_and_none_can_be_committed() -> None:
    assert "deploy/compose/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    files = {file for one in PROGRAMS for file in one.secrets.values()}
    assert files == {"offset-keys", "gateway-tokens", "receipt-keys"}
    assert SETTINGS not in FILES
    for text in FILES.values():
        assert not re.search(r"(?i)(password|token|keys?)['\"]?\s*[:=]\s*['\"]?[a-z0-9]{16,}", text)
