"""The schemas of the last release: `grid-router schemas` compares with them and replaces them."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from router.contracts.asyncapi import ASYNCAPI
from router.contracts.compatibility import Break, broken
from router.contracts.ended import ENDED, EndedSchema
from router.contracts.schemas import FOLDERS
from router.wire.errors import InputError

FOLDER = "released"
"""Its folder, in the folder of schemas."""
ABOUT = "release.json"
"""Version and day of the release, and the schemas that it ends."""


class Released(Struct, frozen=True):
    """The last release."""

    version: str
    date: str
    documents: dict[str, Any]
    """Path -> JSON Schema or AsyncAPI document."""


def read_released(folder: Path) -> Released | None:
    """The release in `<folder>/released`; None before the first release.

    Raises:
        InputError: one of its files cannot be read.
    """
    held = folder / FOLDER
    if not held.is_dir():
        return None
    about = _read(held / ABOUT)
    paths = sorted(path for name in FOLDERS for path in (held / name).glob("*.json"))
    if (held / ASYNCAPI).is_file():
        paths.append(held / ASYNCAPI)
    documents = {path.relative_to(held).as_posix(): _read(path) for path in paths}
    try:
        return Released(version=about["version"], date=about["date"], documents=documents)
    except (KeyError, TypeError):
        raise _unreadable(held / ABOUT, "`version` and `date` are needed") from None


def breaks_since(released: Released, files: Mapping[str, str]) -> list[tuple[str, Break]]:
    """Every promise of the release that the given texts break, with the path of the schema."""
    current = {path: _parsed(path, text) for path, text in files.items()}
    return [(path, one) for path, found in broken(released.documents, current).items() for one in found]


def ended_since(released: Released | None) -> list[EndedSchema]:
    """The declared ends of schemas that the last release promises."""
    return [one for one in ENDED if released is not None and one.path in released.documents]


def write_released(
    folder: Path, files: Mapping[str, str], version: str, date: str, ended: Sequence[EndedSchema] = ()
) -> None:
    """Replace the last release by the given texts.

    Args:
        folder: the folder of schemas.
        files: path -> text of every schema.
        version: of the release.
        date: of the release, `YYYY-MM-DD`.
        ended: the schemas that this release ends.

    Raises:
        InputError: the folder cannot be changed.
    """
    held, fresh = folder / FOLDER, folder / f".{FOLDER}.new"
    ends = {"ended": [msgspec.to_builtins(one) for one in ended]} if ended else {}
    about = json.dumps({"version": version, "date": date, **ends}, indent=2) + "\n"
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        for path, text in {**files, ABOUT: about}.items():
            (fresh / path).parent.mkdir(parents=True, exist_ok=True)
            (fresh / path).write_text(text, "utf-8", newline="")
        if held.exists():
            shutil.rmtree(held)
        fresh.rename(held)
    except OSError as error:
        hint = "make the folder writable, or choose another --folder"
        raise InputError(f"it cannot be changed ({error.strerror})", where=str(folder), hint=hint) from None


def _read(path: Path) -> Any:
    try:
        return _parsed(path.name, path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _unreadable(path, str(error).splitlines()[0]) from None


def _parsed(path: str, text: str) -> Any:
    return json.loads(text) if path.endswith(".json") else yaml.safe_load(text)


def _unreadable(path: Path, why: str) -> InputError:
    hint = "restore it from version control; `grid-router schemas release` writes it"
    return InputError(f"the last release cannot be read ({why})", where=str(path), hint=hint)
