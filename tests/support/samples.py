"""The sample reports in `schemas/samples/reports`, one file each, and a city whose code tables have all their codes."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from router.domain.catalogue.code_tables import CodeTable, load_codes
from router.domain.rules.city import City
from tests.support.records import city

_ROOT = Path(__file__).parents[2]
CITIES = _ROOT / "deploy" / "cities"
FOLDER = _ROOT / "schemas" / "samples" / "reports"
_GB18030 = "-gb18030"
"""Suffix of the name of a file in GB 18030; all others are in UTF-8."""


class Sample(NamedTuple):
    """One file: the network, the bytes of its report, and the headers that the report needs."""

    network: str
    value: bytes
    headers: Sequence[tuple[str, bytes]]

    @property
    def text(self) -> bytes:
        """The bytes in UTF-8."""
        return self.value.decode("gb18030").encode() if self.headers else self.value


def sample(name: str) -> Sample:
    """The sample in the file `<name>.json`."""
    headers = [("content-type", b"application/json; charset=GB18030")] if name.endswith(_GB18030) else []
    return Sample(name.removesuffix(_GB18030), (FOLDER / f"{name}.json").read_bytes(), headers)


NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


@cache
def tables() -> dict[str, CodeTable]:
    """The shipped code table of every network; that of Puyang where several cities have one."""
    found = {}
    for path in sorted(CITIES.glob("*/codes/*.csv"), key=lambda path: path.parts[-3] == "puyang"):
        read = load_codes(path.read_text("utf-8"), path.name)
        assert isinstance(read, CodeTable), [str(finding) for finding in read]
        found[path.stem] = read
    return found


@cache
def listening() -> City:
    """Four cells in Shanghai's time, with a code table of every network."""
    return replace(city(), codes=tables())
