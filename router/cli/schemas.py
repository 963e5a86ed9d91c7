"""`grid-router schemas`: make the folder `schemas/`, compare it with the models and with the last release."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from router.cities.city_reader import CityFile
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import lines_out, say
from router.contracts.asyncapi import ASYNCAPI, asyncapi_text
from router.contracts.headers import header_schemas
from router.contracts.releases import breaks_since, ended_since, read_released, write_released
from router.contracts.schemas import FOLDERS, URN, city_schemas, feedback_schema, record_schemas, report_schemas
from router.domain.calendar.year_file import CalendarYear
from router.domain.catalogue.checks.rule_tests import RuleTests
from router.domain.catalogue.escalations import Escalations
from router.domain.catalogue.model import Departments, Duties, Matters, Standards, Work
from router.domain.matching.parameters import MergeParameters
from router.simulator.synthetic.parameters import SimulationParameters
from router.wire.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Generate and check the JSON Schemas and the AsyncAPI document.")
Folder = Annotated[Path, typer.Option(help="Folder of the schemas.")]
DEFAULT = Path("schemas")
CITY: dict[str, type[BaseModel]] = {
    "calendar": CalendarYear,
    "city": CityFile,
    "departments": Departments,
    "duties": Duties,
    "escalations": Escalations,
    "matters": Matters,
    "merging": MergeParameters,
    "simulation": SimulationParameters,
    "standards": Standards,
    "tests": RuleTests,
    "work": Work,
}
"""The YAML files of a city."""
VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)", re.ASCII)


def made() -> dict[str, str]:
    """Path -> text of every generated file, sorted by path."""
    schemas = report_schemas() | feedback_schema() | record_schemas() | header_schemas() | city_schemas(CITY)
    return dict(sorted((schemas | {ASYNCAPI: asyncapi_text()}).items()))


@app.command()
def generate(*, folder: Folder = DEFAULT) -> None:
    """Write the schemas from the models, and remove those without a model.

    Example: grid-router schemas generate
    """
    files = made()
    changed = [path for path, text in files.items() if _held(folder / path) != text]
    left = _left_over(folder, files)
    try:
        for path in changed:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(files[path], "utf-8", newline="")
            lines_out(f"{folder / path}: written")
        for path in left:
            (folder / path).unlink()
            lines_out(f"{folder / path}: removed, because no model makes it")
    except OSError as error:
        hint = "make the folder writable, or choose another --folder"
        raise InputError(f"it cannot be changed ({error.strerror})", where=str(folder), hint=hint) from None
    say(f"{len(files)} files, {len(changed)} written, {len(left)} removed.")


@app.command()
def check(*, folder: Folder = DEFAULT) -> None:
    """Compare the schemas with the models and the last release; exit code 1 when one differs or breaks a promise.

    A missing file, and a file that no model makes, are errors, too.

    Example: grid-router schemas check
    """
    files = made()
    wrong = _print_drift(folder, files)
    breaks = _print_breaks(folder, files)
    if wrong or breaks:
        raise typer.Exit(CHECK_FAILED)


@app.command()
def compatibility(*, folder: Folder = DEFAULT) -> None:
    """Compare the schemas of the models with the last release; exit code 1 when one breaks a promise.

    Reports and files of cities must stay valid, and records of the router only gain fields (docs/reference/schemas.md).

    Example: grid-router schemas compatibility
    """
    if _print_breaks(folder, made()):
        raise typer.Exit(CHECK_FAILED)


@app.command()
def release(
    version: Annotated[str, typer.Argument(help="Version of the release, greater than the last one's, e.g. 0.2.0.")],
    *,
    date: Annotated[str | None, typer.Option(help="Its day, e.g. 2026-11-25; default: today (UTC).")] = None,
    folder: Folder = DEFAULT,
) -> None:
    """Copy the current schemas to `<folder>/released`; rejected when they break the previous release.

    Example: grid-router schemas release 0.2.0
    """
    files = made()
    if _print_drift(folder, files) or _print_breaks(folder, files):
        say("Nothing is released.")
        raise typer.Exit(CHECK_FAILED)
    last = read_released(folder)
    if not VERSION.fullmatch(version) or (last and _number(version) <= _number(last.version)):
        hint = f"give three numbers that are greater than {last.version}" if last else "give three numbers, e.g. 0.1.0"
        raise InputError("it is not the next version", where=version, hint=hint)
    write_released(folder, files, version, _day(date), ended_since(last))
    say(f"Released {len(files)} files as {version}.")


def _number(version: str) -> tuple[int, ...]:
    found = VERSION.fullmatch(version)
    return tuple(map(int, found.groups())) if found else ()


def _day(text: str | None) -> str:
    try:
        day = datetime.now(UTC) if text is None else datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InputError("it is not a date", where=text, hint="write it like 2026-11-25") from None
    return day.date().isoformat()


def _print_drift(folder: Path, files: dict[str, str]) -> bool:
    """Whether files differ from the models; prints each one."""
    if not folder.is_dir():
        hint = "run `make schemas` in the source tree, or name the folder with --folder"
        raise InputError("there is no such folder", where=str(folder), hint=hint)
    wrong = drifted(folder, files)
    for path, what in wrong.items():
        lines_out(f"{folder / path}: {what}; run `make schemas`.")
    say(f"{len(files)} files compared with the models, {len(wrong) or 'none'} of them wrong.")
    return bool(wrong)


def _print_breaks(folder: Path, files: dict[str, str]) -> bool:
    """Whether the files break a promise of the last release; prints each one with its hint."""
    last = read_released(folder)
    if last is None:
        say("There is no release yet, so there is no promise to keep.")
        return False
    breaks = breaks_since(last, files)
    for path, one in breaks:
        lines_out(f"{folder / path}#{one.pointer}: {one.what}; {one.hint}.")
    for end in ended_since(last):
        say(str(end))
    say(f"{len(last.documents)} files compared with the release {last.version}, {len(breaks) or 'no'} promises broken.")
    return bool(breaks)


def drifted(folder: Path, files: dict[str, str]) -> dict[str, str]:
    """Path -> what is wrong, for every file that differs from the models; sorted by path."""
    wrong = {path: "differs from its model" for path, text in files.items() if _held(folder / path) != text}
    wrong |= {path: "is missing" for path in wrong if not (folder / path).exists()}
    wrong |= dict.fromkeys(_left_over(folder, files), "has no model")
    return dict(sorted(wrong.items()))


def _left_over(folder: Path, files: dict[str, str]) -> list[str]:
    """Schemas with our `$id` that no model makes; other files are ignored."""
    standing = (path for name in FOLDERS for path in sorted((folder / name).glob("*.json")))
    ours = (path for path in standing if f'"$id": "{URN}' in (_held(path) or ""))
    return [name for path in ours if (name := path.relative_to(folder).as_posix()) not in files]


def _held(file: Path) -> str | None:
    return file.read_bytes().decode("utf-8", "replace") if file.is_file() else None
