"""The fast way to read a message: msgspec reads what most messages are, pydantic reads and rejects all others.

So that a report costs less, a msgspec type is made of the checks that pydantic has
compiled from a source schema, and it is narrower: a message that it accepts, pydantic accepts with equal values. Every
message that it does not accept goes to pydantic, which alone decides and words the rejection. Nothing is declared twice.

The fast way leaves to pydantic: messages with fields that the schema does not name, values of unread fields that are no text,
and altitudes behind a point.
"""

import re
from collections.abc import Callable, Mapping
from functools import reduce
from operator import attrgetter, or_
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import NODEFAULT, Meta, MsgspecError, defstruct, field
from msgspec.json import Decoder
from pydantic import BaseModel

from router.domain.networks.schema.extensions import NO_EXTENSIONS

Check = Callable[[Any], Any]
"""Reads a text further, such as a time, or raises ValueError."""
_Node = Mapping[str, Any]
"""A part of a core schema of pydantic."""
UNREADABLE = (MsgspecError, ValueError, AssertionError, RecursionError)
"""What the fast way raises for a message that it leaves to pydantic."""
_class = re.compile(r"\[[^\]]+\]")
_not_plain = re.compile(r"\\[^.]|(?<!\\)\.|[\[\]^$\n]|\(\?").search
"""Outside of character classes: what means other texts in Python than in Rust, or can match the end of a line."""


def fast_reader(schema: type[BaseModel]) -> Callable[[bytes], Any]:
    """A function that reads a message from JSON and raises pydantic's ValidationError for one that is not valid.

    Its result has the attributes of the schema: it is the model, or a struct with equal values. A schema with a part that
    this module does not know is read by pydantic alone.

    Args:
        schema: of a network.
    """
    # `model_validate_json` calls this too, and its options cost a tenth of the time
    validate = schema.__pydantic_validator__.validate_json
    try:
        decode = fast_decoder(schema)
    except TypeError:
        return validate

    def read(text: bytes) -> Any:
        try:
            return decode(text)
        except UNREADABLE:
            return validate(text)

    return read


def fast_decoder(schema: type[BaseModel]) -> Callable[[bytes], Any]:
    """The fast way alone: it raises one of UNREADABLE for a message that pydantic must read.

    Raises:
        TypeError: the schema has a part that this module does not know.
    """
    return Decoder(_type(schema.__pydantic_core_schema__)).decode


class _Field(NamedTuple):
    """How one part of a message is read."""

    type: Any
    """msgspec's type."""
    pattern: str | None = None
    """Of a text, without anchors; None stands for the blank text."""
    check: Check | None = None
    """Behind it; not for a blank or absent text."""


def _type(node: _Node) -> Any:
    """The msgspec type of a part that needs nothing behind msgspec."""
    made = _field(node)
    if made.pattern is not None or made.check is not None:
        raise TypeError(f"a pattern or check of a {node['type']} in a list cannot be read fast")
    return made.type


def _field(node: _Node) -> _Field:
    kind = node["type"]
    _reject_unknown_options(node)
    if kind in _WRAPPERS:
        return _field(node["schema"])
    if kind == "nullable":
        return _or_null(_field(node["schema"]))
    if kind == "union":
        return _or_blank(node)
    if kind == "str":
        return _text(node)
    if kind == "function-after" and node["schema"]["type"] != "model":
        return _checked_text(node)
    if kind not in _TYPES:
        raise TypeError(f"no fast way to read a {kind}")
    return _Field(_TYPES[kind](node))


def _reject_unknown_options(node: _Node) -> None:
    """Raise TypeError for what pydantic does with a part, but the fast way would not, such as to cut blanks off a text."""
    known = _OPTIONS.get(node["type"], frozenset())
    more = sorted((node.keys() - known - _HARMLESS) | (node.get("config", {}).keys() - _CONFIG))
    if more or node.get("custom_init") or node.get("default_factory_takes_data"):
        raise TypeError(f"no fast way to read a {node['type']} with {', '.join(more) or 'a function of its own'}")


def _checked_text(node: _Node) -> _Field:
    """A text with a check behind it. The check never sees the blank text, so the pattern must exclude it."""
    made = _field(node["schema"])
    if made.pattern is None or made.check is not None or re.fullmatch(made.pattern, ""):
        raise TypeError("no fast way to a check of anything but a text whose pattern excludes the blank text")
    return made._replace(check=_function(node))


def _or_null(made: _Field) -> _Field:
    if made.pattern is not None and re.fullmatch(made.pattern, "") is None:
        raise TypeError(f"no fast way to match {made.pattern}: null is read as the blank text, which it must match")
    return made._replace(type=made.type | None)


def _or_blank(node: _Node) -> _Field:
    """A text or `""`: msgspec has no unions of two texts."""
    made, blank = _field(node["choices"][0]), node["choices"][1:]
    if made.pattern is None or [one.get("expected") for one in blank] != [[""]]:
        raise TypeError("no fast way to read a union of other things than a text with a pattern and a blank")
    return made._replace(pattern=f"(?:{made.pattern})?")


def _text(node: _Node) -> _Field:
    limits = {name: node[name] for name in ("min_length", "max_length") if name in node}
    pattern = node.get("pattern")
    if pattern is not None and not (pattern[:1] == "^" and pattern[-1:] == "$" and _is_plain(pattern[1:-1])):
        raise TypeError(f"no fast way to match {pattern}: in Python it may match other texts, or more than one line")
    return _Field(Annotated[str, Meta(**limits)] if limits else str, pattern and pattern[1:-1])


def _is_plain(body: str) -> bool:
    """Whether a pattern surely matches the same texts in Python and in Rust, and no text of two lines."""
    classes = _class.findall(body)
    sound = all(one[1] != "^" and "\\" not in one.replace("\\t", "") and not re.match(one, "\n") for one in classes)
    return sound and _not_plain(_class.sub("", body)) is None


def _function(node: _Node) -> Check:
    if node["function"]["type"] != "no-info":
        raise TypeError("no fast way to a check that asks for more than the value")
    check: Check = node["function"]["function"]
    return check


def _number(node: _Node) -> Any:
    limits = {name: node[name] for name in ("ge", "gt", "le", "lt") if name in node}
    return Annotated[float, Meta(**limits)] if limits else float


def _list(node: _Node) -> Any:
    limits = {name: node[name] for name in ("min_length", "max_length") if name in node}
    return Annotated[list[_type(node["items_schema"])], Meta(**limits)]  # type: ignore[misc]  # a type made at run time


def _tuple(node: _Node) -> Any:
    """Without the items that may be there any number of times."""
    variadic = node.get("variadic_item_index")
    return tuple[tuple(_type(item) for number, item in enumerate(node["items_schema"]) if number != variadic)]  # type: ignore[misc]


def _tagged(node: _Node) -> Any:
    return reduce(or_, [_model(one, (node["discriminator"], name)) for name, one in node["choices"].items()])


def _model(node: _Node, tag: tuple[str, str] | None = None) -> Any:
    """A struct with the fields of a model; in a union, the field that names the model is its tag."""
    whole = _function(node) if node["type"] == "function-after" else None
    model = node if whole is None else node["schema"]
    if model.get("root_model"):
        return _type(model["schema"])
    schema = model["schema"]
    parts = {name: of for name, of in schema["fields"].items() if tag is None or name != tag[0]}
    fields = {name: _field(of["schema"]) for name, of in parts.items()}
    namespace: dict[str, Any] = {"unknown": lambda _: NO_EXTENSIONS}
    if tag is not None:
        namespace[tag[0]] = tag[1]
    check = _checked(fields, whole)
    if check is not None:
        namespace["__post_init__"] = check
    return defstruct(
        schema["model_name"],
        [(name, one.type, _default(parts[name]["schema"])) for name, one in fields.items()],
        namespace=namespace,
        rename={name: of.get("validation_alias", name) for name, of in parts.items()},
        tag_field=tag and tag[0],
        tag=tag and tag[1],
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )


def _default(node: _Node) -> Any:
    if "default_factory" in node:
        return field(default_factory=node["default_factory"])
    return node.get("default", NODEFAULT)


def _checked(fields: Mapping[str, _Field], whole: Check | None) -> Callable[[Any], None] | None:
    """What runs after msgspec has read a struct; it raises ValueError. None: nothing.

    All texts with a pattern are matched at once, each in its line, which takes a third of the time of single matches.
    """
    patterns = {name: one.pattern for name, one in fields.items() if one.pattern is not None}
    checks = [(name, one.check) for name, one in fields.items() if one.check is not None]
    texts = attrgetter(*patterns, *[name for name in fields if name not in patterns][:1]) if patterns else None
    matches = re.compile("\n".join(f"(?:{pattern})" for pattern in patterns.values())).fullmatch
    number = len(patterns)

    def check_all(self: Any) -> None:
        if texts is not None and matches("\n".join([text or "" for text in texts(self)[:number]])) is None:
            raise ValueError
        for name, check in checks:
            text = getattr(self, name)
            if text:
                setattr(self, name, check(text))
        if whole is not None:
            whole(self)

    return check_all if patterns or checks or whole is not None else None


_WRAPPERS = frozenset({"default", "custom-error"})
_HARMLESS = frozenset(
    {"type", "schema", "metadata", "ref", "strict", "cls", "config", "custom_init", "root_model", "function"}
)
"""Keys of a node that change nothing, or that this module reads."""
_CONFIG = frozenset({"title", "extra_fields_behavior", "strict", "allow_inf_nan", "validate_by_name"})
"""Options of a model that accept nothing less and change nothing that the fast way accepts."""
_OPTIONS: Mapping[str, frozenset[str]] = {
    "str": frozenset({"pattern", "min_length", "max_length"}),
    "float": frozenset({"ge", "gt", "le", "lt", "allow_inf_nan"}),
    "list": frozenset({"items_schema", "min_length", "max_length"}),
    "tuple": frozenset({"items_schema", "variadic_item_index"}),
    "literal": frozenset({"expected"}),
    "union": frozenset({"choices"}),
    "tagged-union": frozenset({"choices", "discriminator", "from_attributes"}),
    "default": frozenset({"default", "default_factory", "default_factory_takes_data"}),
    "custom-error": frozenset({"custom_error_type", "custom_error_message", "custom_error_context"}),
}
"""What else the fast way knows of a node, by its type. A node with any other key is left to pydantic."""
_TYPES: Mapping[str, Callable[[_Node], Any]] = {
    "float": _number,
    "literal": lambda node: Literal[tuple(node["expected"])],
    "any": lambda _: str | None,  # of an unread field; without objects and lists, whose depth pydantic limits
    "list": _list,
    "tuple": _tuple,
    "model": _model,
    "function-after": _model,
    "tagged-union": _tagged,
}
"""The msgspec type by the type of a node."""
