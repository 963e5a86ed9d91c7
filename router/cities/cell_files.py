"""Reads the parameters and formats the files of both generators of cells."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from router.cities.city_reader import read_source
from router.domain.documents import read_yaml, validate
from router.wire.errors import CityError

Model = TypeVar("Model", bound=BaseModel)


def read_parameters(model: type[Model], file: Path, page: str = "docs/how-to/make-cells.md") -> Model:
    """Read a YAML file as a model. Raises CityError with the first finding's file, line and column; `page` says what it may have."""
    source, findings = read_source(file, page)
    if source is not None:
        document, findings = read_yaml(source)
        if document is not None:
            parameters, findings = validate(model, document)
            if parameters is not None:
                return parameters
    first = findings[0]
    raise CityError(f"{first.code} {first.message}", where=first.place, hint=first.hint)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A CSV file of cells as text. Lines end with LF."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
