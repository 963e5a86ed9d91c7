"""The reference pages equal what the code makes of them, and miss nothing."""

import re

import pytest
import yaml

from docs.generate import FOLDER, main, pages
from router.cli.main import COMMANDS
from router.wire.settings import PREFIX, Settings
from tests.support.repository import ROOT


@pytest.mark.parametrize("name", sorted(pages()))
def test_page_equals_the_code(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], "run `make reference`"


def test_check_passes_when_nothing_differs() -> None:
    assert main(["--check"]) == 0


def test_settings_page_has_every_setting_with_a_meaning() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", pages()["settings.md"], re.MULTILINE))
    assert list(rows) == [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    assert [name for name, meaning in rows.items() if not meaning] == []


def test_commands_page_has_every_command() -> None:
    heads = re.findall(r"^## (\S+)", pages()["commands.md"], re.MULTILINE)
    assert list(dict.fromkeys(heads)) == list(COMMANDS)


@pytest.mark.parametrize("name", ["metrics.md", "topics.md", "rejection-codes.md"])
def test_every_row_ends_with_a_sentence(name: str) -> None:
    rows = [line for line in pages()[name].splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if not row.endswith(". |")] == []


def test_topics_page_has_the_channels_of_asyncapi() -> None:
    names = set(re.findall(r"^\| `(\S+)`", pages()["topics.md"], re.MULTILINE))
    document = yaml.safe_load((ROOT / "schemas" / "asyncapi.yaml").read_text(encoding="utf-8"))
    channels = [channel["address"] for channel in document["channels"].values()]
    per_network = re.compile(r"^(reports|rejections|grid\.dedup)\..+")
    general = {per_network.sub(r"\1.NETWORK", one).replace("{department}", "DEPARTMENT") for one in channels}
    assert names == general
