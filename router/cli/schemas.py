"""`grid-router schemas generate|check`: the folder `schemas/` made from the models, and compared with them."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from router.cities.reading import CityFile
from router.cli.exits import CHECK_FAILED
from router.cli.output import talk
from router.domain.catalogue.model import Departments, Duties, Matters, Standards, Work
from router.domain.catalogue.trial import RuleTests
from router.domain.merging import Merging
from router.wire.asyncapi import ASYNCAPI, asyncapi_text, header_schemas
from router.wire.errors import InputError
from router.wire.schemas import FOLDERS, URN, city_schemas, record_schemas, report_schemas

app = typer.Typer(no_args_is_help=True, help="JSON Schemas and AsyncAPI of everything on the topics, from the models.")
Folder = Annotated[Path, typer.Option(help="Folder of the schemas.")]
DEFAULT = Path("schemas")
CITY: dict[str, type[BaseModel]] = {
    "city": CityFile,
    "departments": Departments,
    "duties": Duties,
    "matters": Matters,
    "merging": Merging,
    "standards": Standards,
    "tests": RuleTests,
    "work": Work,
}
"""The YAML files of a city."""


def made() -> dict[str, str]:
    """Path -> text of every generated file, sorted by path."""
    schemas = report_schemas() | record_schemas() | header_schemas() | city_schemas(CITY)
    return dict(sorted((schemas | {ASYNCAPI: asyncapi_text()}).items()))


@app.command()
def generate(*, folder: Folder = DEFAULT) -> None:
    """Write the schemas as the models make them, and remove those that no model makes any more.

    Example: grid-router schemas generate
    """
    files = made()
    changed = [path for path, text in files.items() if _held(folder / path) != text]
    left = _left_over(folder, files)
    try:
        for path in changed:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(files[path], "utf-8", newline="")
            typer.echo(f"{folder / path}: written")
        for path in left:
            (folder / path).unlink()
            typer.echo(f"{folder / path}: removed, no model makes it any more")
    except OSError as error:
        cure = "make the folder writable, or choose another --folder"
        raise InputError(f"it cannot be changed ({error.strerror})", where=str(folder), cure=cure) from None
    talk(f"{len(files)} files, {len(changed)} written, {len(left)} removed.")


@app.command()
def check(*, folder: Folder = DEFAULT) -> None:
    """Compare the schemas with the models; exit code 1 when a file differs, is missing or is left over.

    Example: grid-router schemas check
    """
    if not folder.is_dir():
        cure = "run `make schemas` in the source tree, or name the folder with --folder"
        raise InputError("there is no such folder", where=str(folder), cure=cure)
    files = made()
    wrong = drifted(folder, files)
    for path, what in wrong.items():
        typer.echo(f"{folder / path}: {what}; run `make schemas`.")
    talk(f"{len(files)} files compared with the models, {len(wrong) or 'none'} of them wrong.")
    if wrong:
        raise typer.Exit(CHECK_FAILED)


def drifted(folder: Path, files: dict[str, str]) -> dict[str, str]:
    """Path -> what is wrong with it, for every file that is not as the models make it; sorted by path."""
    wrong = {path: "differs from its model" for path, text in files.items() if _held(folder / path) != text}
    wrong |= {path: "is missing" for path in wrong if not (folder / path).exists()}
    wrong |= dict.fromkeys(_left_over(folder, files), "is left over, no model makes it any more")
    return dict(sorted(wrong.items()))


def _left_over(folder: Path, files: dict[str, str]) -> list[str]:
    """Schemas of ours, by their `$id`, that no model makes; other files are nobody's business."""
    standing = (path for name in FOLDERS for path in sorted((folder / name).glob("*.json")))
    ours = (path for path in standing if f'"$id": "{URN}' in (_held(path) or ""))
    return [name for path in ours if (name := path.relative_to(folder).as_posix()) not in files]


def _held(file: Path) -> str | None:
    return file.read_bytes().decode("utf-8", "replace") if file.is_file() else None
