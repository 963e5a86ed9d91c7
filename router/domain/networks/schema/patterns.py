"""What a network can send as a code or as an area of its own grid, read from its source schema.

Lint compares a city's tables with it: a row that no message of the network can match is dead.
"""

from typing import Any, get_args

from pydantic import BaseModel

ANY_TEXT = r"(?s:.+)"
"""Matches every text but the empty one."""


def pattern_of(schema: type[BaseModel], field: str) -> str:
    """The regular expression of a text field of a source schema, without its anchors.

    Raises:
        KeyError: the schema has no such field.
        TypeError: the field has no pattern.
    """
    info = schema.model_fields[field]
    parts: list[Any] = [*info.metadata, info.annotation]
    for part in parts:
        pattern = getattr(part, "pattern", None)
        if isinstance(pattern, str):
            return f"(?:{pattern.removeprefix('^').removesuffix('$')})"
        parts += [*get_args(part), *getattr(part, "metadata", ())]
    raise TypeError(f"{schema.__name__}.{field} has no pattern")
