"""Finds the folders of cities and loads a city by its name."""

import re
from difflib import get_close_matches
from pathlib import Path

import router
from router.cities.city_reader import display_path, read_city
from router.domain.rules.city import City
from router.wire.errors import CityError

FOLDER = Path("deploy", "cities")
ABOUT = "city.yaml"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def cities_folder(root: Path | None = None) -> Path:
    """The folder of the cities: the given one, else `deploy/cities` of the working folder, else that of the source tree."""
    if root is not None:
        return root
    return FOLDER if FOLDER.is_dir() else Path(router.__file__).parents[1] / FOLDER


def city_names(root: Path | None = None) -> list[str]:
    """Names of the cities in alphabetical order. A city is a folder with a city.yaml.

    Raises:
        CityError: the folder of the cities is missing or cannot be read.
    """
    folder = cities_folder(root)
    try:
        return sorted(path.name for path in folder.iterdir() if (path / ABOUT).is_file())
    except OSError as error:
        raise CityError(
            f"the folder of cities cannot be read ({error.strerror})",
            where=display_path(folder),
            hint="set GRID_ROUTER_CITIES, or change to the folder that contains deploy/cities",
        ) from None


def city_folder(name: str, root: Path | None = None) -> Path:
    """The folder of one city.

    Raises:
        CityError: there is no such city. The hint names the existing ones.
    """
    folder = cities_folder(root) / name
    if _NAME.fullmatch(name) and (folder / ABOUT).is_file():
        return folder
    names = city_names(root)
    near = get_close_matches(name, names, n=1)
    hint = f"perhaps {near[0]} was meant" if near else f"choose one of: {', '.join(names) or 'none yet'}"
    raise CityError(f"there is no city {name[:60]!r}", where=display_path(cities_folder(root)), hint=hint)


def load_city(name: str, root: Path | None = None) -> City:
    """Load a city that has no errors.

    Raises:
        CityError: the city is unknown, or its folder has an error. The sentence has the first error's file, line and column,
            and the number of other errors.
    """
    reading = read_city(name, city_folder(name, root))
    if reading.city is not None:
        return reading.city
    first, *more = reading.errors
    others = f" (and {len(more)} more: `grid-router catalogue lint {name}`)" if more else ""
    raise CityError(f"{first.code} {first.message}", where=first.place, hint=f"{first.hint}{others}")
