"""A city that hears every network: Puyang as it is shipped, with a hotline, Open311 and alerts."""

import shutil
from pathlib import Path

from router.cities.folder import load_city
from router.domain.rules.city import City
from tests.support.samples import CITIES

NAME = "puyang"
_HEAD = "code,version,matter,name\n"
MORE = {
    "hotline": "Bulky Items,,exposed-rubbish,bulky items\n",
    "open311": "graffiti,,exposed-rubbish,graffiti\n",
    "cap": "Met,,exposed-rubbish,weather\n",
}
"""Rows of the networks that Puyang does not have."""


def folder(parent: Path) -> Path:
    """The folder of cities that holds it, made within `parent`."""
    cities = parent / "cities"
    shutil.copytree(CITIES / NAME, cities / NAME)
    for network, rows in MORE.items():
        (cities / NAME / "codes" / f"{network}.csv").write_text(_HEAD + rows, "utf-8")
    return cities


def load(parent: Path) -> City:
    """The city."""
    return load_city(NAME, folder(parent))
