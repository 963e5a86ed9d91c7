"""YAML and CSV texts that people write, read as values that keep their position: file, line and column.

YAML follows version 1.2: `no`, `on` and `060371` are text, not false, true and an octal number. Anchors, aliases and merge
keys are rejected, so that readers see each value where it applies.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar, get_args

import yaml
from msgspec import Struct
from pydantic import BaseModel, ValidationError

from router.domain.csv_texts import csv_reader, unreadable

Level = Literal["error", "warning"]
Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

UNREADABLE = "GR001"
UNKNOWN_KEY = "GR002"
WRONG_VALUE = "GR003"
DUPLICATE_KEY = "GR004"
MISSING = "GR005"
_KEYS = ("extra_forbidden", "missing")
"""Pydantic's errors about keys."""


class SourcePosition(Struct, frozen=True, order=True):
    """A position in a text. Line and column count from 1, columns in characters."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Finding(Struct, frozen=True, kw_only=True):
    """What is wrong with a text, where, and what to do. `code` is stable."""

    code: str
    file: str
    line: int = 1
    column: int = 1
    message: str
    """The cause, one clause without a full stop."""
    hint: str = "correct it there"
    level: Level = "error"

    @property
    def place(self) -> str:
        """`file:line:column`."""
        return f"{self.file}:{self.line}:{self.column}"

    def __str__(self) -> str:
        return f"{self.place}: {self.code} {self.message}; {self.hint}."


def found(
    code: str, mark: SourcePosition, message: str, hint: str = "correct it there", level: Level = "error"
) -> Finding:
    """A finding at a position."""
    return Finding(
        code=code, file=mark.file, line=mark.line, column=mark.column, message=message, hint=hint, level=level
    )


class Source(Struct, frozen=True):
    """A text and its name for people."""

    file: str
    text: str


class Document(Struct, frozen=True):
    """The values of a YAML text, and the position of each key and value."""

    file: str
    value: Any
    keys: dict[Path, SourcePosition]
    values: dict[Path, SourcePosition]

    def mark(self, *path: str | int) -> SourcePosition:
        """Position of the key (or list item) of this path, or of its nearest parent if the path is missing."""
        return self._nearest(path, self.keys, self.values)

    def mark_value(self, *path: str | int) -> SourcePosition:
        """Position of the value of this path, or of its nearest parent if the path is missing."""
        return self._nearest(path, self.values, self.keys)

    def _nearest(
        self, path: Path, first: dict[Path, SourcePosition], second: dict[Path, SourcePosition]
    ) -> SourcePosition:
        for end in range(len(path), -1, -1):
            if mark := first.get(path[:end]) or second.get(path[:end]):
                return mark
        return SourcePosition(self.file)


class _Loader(yaml.CSafeLoader):
    """The C loader with the scalar rules of YAML 1.2 instead of 1.1."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  (pyyaml's own protocol)


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("int", r"-?(0|[1-9][0-9]{0,17})", "-0123456789"),
    ("float", r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}", "-0123456789"),
    ("null", r"~|null|", ["~", "n", ""]),
    ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), list(_first))


def read_yaml(source: Source) -> tuple[Document | None, list[Finding]]:
    """Read one YAML text with positions. Findings GR001 and GR004 mean that it cannot be used."""
    loader = None
    try:
        loader = _Loader(source.text)
        node = loader.get_single_node()
        reader = _Reader(source.file, loader)
        value = None if node is None else reader.read(node, ())
    except yaml.MarkedYAMLError as error:
        return None, [_syntax(source.file, error)]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return None, [found(UNREADABLE, SourcePosition(source.file), f"no readable YAML ({_first_line(error)})")]
    finally:
        if loader is not None:
            loader.dispose()
    if reader.findings:
        return None, reader.findings
    return Document(source.file, value, reader.keys, reader.values), []


def _syntax(file: str, error: yaml.MarkedYAMLError) -> Finding:
    at = error.problem_mark or error.context_mark
    mark = SourcePosition(file, at.line + 1, at.column + 1) if at else SourcePosition(file)
    begun = error.context_mark
    context = f"{error.context} begun in line {begun.line + 1}" if error.context and begun else error.context
    parts = [part for part in (context, error.problem) if part]
    return found(UNREADABLE, mark, f"no readable YAML: {', '.join(parts)}", "look for a wrong indent, colon or quote")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


class _Reader:
    """Walks the composed nodes once."""

    def __init__(self, file: str, loader: _Loader) -> None:
        self.file, self.loader = file, loader
        self.keys: dict[Path, SourcePosition] = {}
        self.values: dict[Path, SourcePosition] = {}
        self.findings: list[Finding] = []
        self._seen: set[int] = set()

    def read(self, node: yaml.Node, path: Path) -> Any:
        mark = self.values[path] = self._mark(node)
        if id(node) in self._seen:
            self.findings.append(found(UNREADABLE, mark, "aliases are not understood", "write the value out"))
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, n)) for n, item in enumerate(node.value)]
        try:
            return self.loader.construct_object(node)
        except ValueError as error:
            self.findings.append(found(WRONG_VALUE, mark, f"{node.value!r} is no value ({error})"))
            return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            mark = self._mark(key_node)
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            if key in values:
                first = self.keys[(*path, key)].line
                message = f"`{key}` stands here again (first in line {first})"
                self.findings.append(found(DUPLICATE_KEY, mark, message, "keep one of the two"))
                continue
            self.keys[(*path, key)] = mark
            values[key] = self.read(value_node, (*path, key))
        return values

    def _mark(self, node: yaml.Node) -> SourcePosition:
        return SourcePosition(self.file, node.start_mark.line + 1, node.start_mark.column + 1)


def validate(model: type[Model], document: Document) -> tuple[Model | None, list[Finding]]:
    """Validate a document as a model; findings GR002 (unknown key), GR003 (wrong value), GR005 (missing key).

    A model may name the keys of earlier versions in `renamed: ClassVar[Mapping[str, str]]`, old key -> new key. The
    finding of an old key then names the new one.
    """
    value = {} if document.value is None else document.value
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        old = dict(_renamed_keys(model, value, (), ()))
        reported = {*old, *old.values()}  # a key that is renamed is neither unknown nor missing
        details = [
            *({"loc": path, "type": "extra_forbidden"} for path in old),
            *(one for one in error.errors(include_url=False) if one["type"] not in _KEYS or one["loc"] not in reported),
        ]
        return None, [_invalid(document, detail, old) for detail in details]


def _renamed_keys(model: type[BaseModel], value: Any, path: Path, new_path: Path) -> Iterator[tuple[Path, Path]]:
    """Path of each old key -> path of its new key, also below old keys and in lists."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _renamed_keys(model, item, (*path, number), (*new_path, number))
    elif isinstance(value, dict):
        renamed: Mapping[str, str] = getattr(model, "renamed", {})
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        for key, inner in value.items():
            name = renamed.get(key, key)
            if name != key:
                yield (*path, key), (*new_path, name)
            for nested in _models_in(fields[name].annotation) if name in fields else ():
                yield from _renamed_keys(nested, inner, (*path, key), (*new_path, name))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field holds, itself or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _invalid(document: Document, detail: Any, old: Mapping[Path, Path]) -> Finding:
    path: Path = detail["loc"]
    name = ".".join(str(part) for part in path) or "the document"
    if detail["type"] == "extra_forbidden":
        hint = f"it is now `{old[path][-1]}`" if path in old else "correct its spelling or remove it"
        return found(UNKNOWN_KEY, document.mark(*path), f"unknown key `{name}`", hint)
    if detail["type"] == "missing":
        return found(MISSING, document.mark(*path), f"`{name}` is missing", "write it")
    message = detail["msg"].removeprefix("Value error, ")
    return found(WRONG_VALUE, document.mark_value(*path), f"`{name}`: {message[:1].lower()}{message[1:]}")


class CsvRow(Struct, frozen=True):
    """One row of a CSV text: fields by column name, and the position of each."""

    fields: dict[str, str]
    marks: dict[str, SourcePosition]


def read_csv(source: Source, columns: Sequence[str]) -> tuple[list[CsvRow], list[Finding]]:
    """The rows of a CSV text (RFC 4180) whose header is exactly `columns`, or findings GR001 and GR003."""
    rows: list[CsvRow] = []
    findings: list[Finding] = []
    if not source.text.strip("\ufeff\r\n"):
        return [], [
            found(MISSING, SourcePosition(source.file), "the file is empty", f"write the header {','.join(columns)}")
        ]
    for mark, fields in _records(source, findings):
        if mark.line == 1:
            if fields != list(columns):
                message = f"the header is {','.join(fields)[:100]!r}"
                return [], [found(WRONG_VALUE, mark, message, f"write {','.join(columns)}")]
        elif len(fields) == len(columns):
            named = dict(zip(columns, fields, strict=True))
            rows.append(CsvRow(named, dict(zip(columns, _starts(mark, fields), strict=True))))
        elif fields:
            message = f"{len(fields)} fields instead of {len(columns)}"
            findings.append(found(WRONG_VALUE, mark, message, "quote a field that holds a comma"))
    return rows, findings


def _records(source: Source, findings: list[Finding]) -> Iterator[tuple[SourcePosition, list[str]]]:
    reader = csv_reader(source.text)
    line = 1
    try:
        for fields in reader:
            yield SourcePosition(source.file, line), fields
            line = reader.line_num + 1
    except csv.Error as error:
        findings.append(found(UNREADABLE, SourcePosition(source.file, line), *unreadable(error)))


def _starts(mark: SourcePosition, fields: list[str]) -> list[SourcePosition]:
    """Column where each field begins. Exact for one-line rows without doubled or needless quotes."""
    marks, column = [], 1
    for value in fields:
        marks.append(SourcePosition(mark.file, mark.line, column))
        column += len(value) + 1 + (2 if {",", '"', "\n"} & set(value) else 0)
    return marks
