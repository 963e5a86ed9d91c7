"""Packs a city's folder into the texts of a rule set, and loads a city from such texts."""

from pathlib import Path
from tempfile import TemporaryDirectory

from router.cities.city_reader import read_city
from router.domain.rules.city import City
from router.wire.errors import CityError

PACKED = ("city.yaml", "merging.yaml", "catalogue/*.yaml", "codes/*.csv", "cells/*.csv", "calendar/*.yaml")
"""Files of a rule set. merging.yaml is one of them, for the record."""


class InventedVersionError(CityError):
    """A rule set was published under a version that its content does not have."""


def pack(folder: Path) -> dict[str, str]:
    """Path within the folder -> text, for all files that translate and route reports."""
    files = sorted(file for pattern in PACKED for file in folder.glob(pattern))
    return {file.relative_to(folder).as_posix(): file.read_bytes().decode("utf-8") for file in files}


def unpack(name: str, texts: dict[str, str], version: str) -> City:
    """The city that the texts describe, if they have this version.

    Raises:
        CityError: the texts have an error.
        InventedVersionError: they are not those of this version.
    """
    hint = f"publish it again with this version of the router: `grid-router catalogue publish {name}`"
    with TemporaryDirectory(prefix="grid-rule-set-") as scratch:
        folder = Path(scratch)
        for path, text in texts.items():
            _write(folder, path, text)
        reading = read_city(name, folder, published=True)
    if reading.city is None:
        first = reading.errors[0]
        raise CityError(f"{first.code} {first.message}", where=f"rule set {version}: {first.place}", hint=hint)
    if reading.city.rule_set != version:
        raise InventedVersionError(
            f"its content has the version {reading.city.rule_set}, so another program made it up",
            where=f"rule set {version[:40]!r}",
            hint=hint,
        )
    return reading.city


def _write(folder: Path, path: str, text: str) -> None:
    """Write a file. Raises CityError if its path leaves the folder."""
    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise CityError("a path leaves the city's folder", where=path[:80], hint="do not use this rule set")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode("utf-8"))
