"""A city that hears all twelve networks: Puyang as it is shipped, with a hotline."""

import shutil
from pathlib import Path

from router.cities.folder import load_city
from router.domain.rules.city import City
from tests.support.samples import CITIES

NAME = "puyang"
HOTLINE = "code,version,matter,name\nBulky Items,,exposed-rubbish,bulky items\n"


def folder(parent: Path) -> Path:
    """The folder of cities that holds it, made within `parent`."""
    cities = parent / "cities"
    shutil.copytree(CITIES / NAME, cities / NAME)
    (cities / NAME / "codes" / "hotline.csv").write_text(HOTLINE, "utf-8")
    return cities


def load(parent: Path) -> City:
    """The city."""
    return load_city(NAME, folder(parent))
