"""The container file: what it copies exists and is in its context, and it runs without rights."""

import re

from deploy.platforms.deployment import HOME, PROGRAMS, SHARED, USER
from tests.support.repository import ROOT

FOLDER = ROOT / "deploy" / "container"
LINES = (FOLDER / "Containerfile").read_text("utf-8").splitlines()
KEPT = {line[1:] for line in (FOLDER / "Containerfile.dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"}
LAST = LINES[max(number for number, line in enumerate(LINES) if line.startswith("FROM ")) :]


def test_what_is_copied_exists_and_reaches_the_build() -> None:
    copied = [line.split()[1:-1] for line in LINES if line.startswith("COPY ") and "--from" not in line]
    sources = {name for names in copied for name in names}
    assert sources == KEPT
    assert all((ROOT / name).exists() for name in sources)


def test_it_installs_the_lock_with_its_hashes_and_nothing_beside_it() -> None:
    installs = [line for line in LINES if "pip install" in line]
    assert len(installs) == 2
    assert "--require-hashes -r requirements.lock" in installs[0]
    assert {"--no-deps", "--no-build-isolation"} <= set(installs[1].split())


def test_the_last_stage_runs_without_rights_and_gets_no_build_tool_but_the_lock() -> None:
    assert f"USER {USER}:{USER}" in LAST
    assert not [line for line in LAST if line.startswith("RUN") and "install -d" not in line]
    assert 'ENTRYPOINT ["grid-router"]' in LAST
    assert not [line for line in LAST if re.match(r"(ADD|VOLUME|EXPOSE)\b", line)]


def test_the_folders_of_the_settings_are_those_of_the_image() -> None:
    assert f"COPY deploy/cities {SHARED['CITIES']}" in LAST
    assert SHARED["HOME"] == HOME
    assert any(f"-o {USER} -g {USER} {HOME}" in line for line in LAST)
    assert (ROOT / "deploy" / "cities" / PROGRAMS[0].command[-1]).is_dir()
