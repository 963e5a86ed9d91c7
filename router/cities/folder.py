"""Where cities live, and the door through which everyone gets one."""

import re
from difflib import get_close_matches
from pathlib import Path

import router
from router.cities.city_reader import read_city, shown
from router.domain.rules.city import City
from router.wire.errors import CityError

FOLDER = Path("deploy", "cities")
ABOUT = "city.yaml"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def cities_folder(root: Path | None = None) -> Path:
    """The folder that holds the cities: the given one, `deploy/cities` of the working folder, or the source tree's."""
    if root is not None:
        return root
    return FOLDER if FOLDER.is_dir() else Path(router.__file__).parents[1] / FOLDER


def city_names(root: Path | None = None) -> list[str]:
    """Names of the cities in alphabetical order: the folders that hold a city.yaml.

    Raises:
        CityError: the folder of the cities is not there or cannot be read.
    """
    folder = cities_folder(root)
    try:
        return sorted(path.name for path in folder.iterdir() if (path / ABOUT).is_file())
    except OSError as error:
        raise CityError(
            f"no folder of cities ({error.strerror})",
            where=shown(folder),
            hint="name it in GRID_ROUTER_CITIES, or work in the folder that holds deploy/cities",
        ) from None


def city_folder(name: str, root: Path | None = None) -> Path:
    """The folder of one city.

    Raises:
        CityError: there is no such city; the sentence names those that are there.
    """
    folder = cities_folder(root) / name
    if _NAME.fullmatch(name) and (folder / ABOUT).is_file():
        return folder
    names = city_names(root)
    near = get_close_matches(name, names, n=1)
    there = f"perhaps {near[0]} was meant" if near else f"choose one of: {', '.join(names) or 'none yet'}"
    raise CityError(f"no city {name[:60]!r}", where=shown(cities_folder(root)), hint=there)


def load_city(name: str, root: Path | None = None) -> City:
    """A city without errors, ready to decide.

    Raises:
        CityError: unknown city, or an error in its folder: the first with its file, line and column, and how many more.
    """
    reading = read_city(name, city_folder(name, root))
    if reading.city is not None:
        return reading.city
    first, *more = reading.errors
    others = f" (and {len(more)} more: `grid-router catalogue lint {name}`)" if more else ""
    raise CityError(f"{first.code} {first.message}", where=first.place, hint=f"{first.hint}{others}")
