"""The commands of the page `Deploy` that make secrets make what the platforms hand over."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from router.gateway.token_file import hash_of, read_token_file
from router.wire.offset_signing import read_offset_keys
from tests.support.repository import ROOT
from tests.unit.docs.markdown import code_blocks

PAGE = ROOT / "docs" / "how-to" / "deploy.md"
SECRETS = Path("deploy/compose/secrets")


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("install") is None, reason="the page says: as root")
def test_the_commands_make_every_secret_of_the_compose_file(tmp_path: Path) -> None:
    block = code_blocks(PAGE, "sh")[0]
    (tmp_path / SECRETS.parent).mkdir(parents=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(["sh", "-euc", block], cwd=tmp_path, env={**os.environ, "PATH": path}, check=True, timeout=120)
    made = {file.name: file for file in (tmp_path / SECRETS).iterdir()}
    declared = yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yaml").read_text("utf-8"))["secrets"]
    assert {name: SECRETS.name + "/" + name for name in made} == {name: one["file"] for name, one in declared.items()}
    assert all(file.stat().st_mode & 0o777 == 0o640 and file.stat().st_gid == 65532 for file in made.values())
    assert read_offset_keys(made["offset-keys"])
    tokens, token = read_token_file(made["gateway-tokens"]), made["metrics-token"].read_text("ascii").strip()
    assert tokens.grant_of(token) is not None
    assert hash_of(token).hex() in made["gateway-tokens"].read_text("ascii")
