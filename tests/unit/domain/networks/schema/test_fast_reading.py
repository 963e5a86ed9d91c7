"""The fast way to read a message accepts nothing that pydantic rejects, and reads the same values."""

from datetime import tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import fields
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from router.domain.networks.registry import NETWORKS
from router.domain.networks.schema.fast_reading import UNREADABLE, fast_decoder, fast_reader
from tests.support.samples import NAMES, sample

SHANGHAI: tzinfo = ZoneInfo("Asia/Shanghai")
SLOW = {"cap"}
"""Networks of few messages whose schemas have parts that only pydantic reads: patterns in lists, and what a name may not have."""
DECODERS = {name: fast_decoder(network.schema) for name, network in NETWORKS.items() if name not in SLOW}
MESSAGES: dict[str, dict[str, Any]] = {
    sample(name).network: orjson.loads(sample(name).text) for name in NAMES[::-1] if name not in SLOW
}
TEXTS = st.sampled_from(
    ["", " ", "\n", "0", "1", "１２", "é", "٣" * 12, "20180101000009", "20180101240000", "20180230000000"]
)
VALUES = st.one_of(
    TEXTS,
    st.none() | st.booleans() | st.integers(-181, 181) | st.floats(-200, 200),
    st.just([]) | st.just({}) | st.just([[1]]) | st.text(max_size=3),
)
CHANGES = st.sampled_from(["keep", "drop", "value", "longer", "shorter", "line", "digit", "inside", "unknown"])
RAW = [
    b"NaN",
    b"1e999",
    b"-1e999",
    b"-0",
    b"-0.0",
    b"1" * 400,
    b'"\\ud800"',
    b'"\\u0000"',
    b'"\x01"',
    b'"\xff"',
    b"1.",
    b"01",
    b'"\\x"',
    b"[" * 300,
]
"""Values as no encoder writes them."""


def changed(value: Any, how: str, by: Any) -> Any:
    """A value, or one beside it."""
    if how == "value":
        return by
    if how == "inside" and isinstance(value, dict) and value:
        return {**value, next(iter(value)): by}
    if how == "inside" and isinstance(value, list) and value:
        return [by, *value[1:]]
    if not isinstance(value, str):
        return [value] if how == "longer" else value
    return {
        "longer": value + value[-1:],
        "shorter": value[:-1],
        "line": value + "\n",
        "digit": value[:-1] + "９",
    }.get(how, value)


@st.composite
def texts(draw: st.DrawFn, name: str) -> bytes:
    """A message of a network with a few changes, in any order of fields and with any spacing, as bytes that may be broken."""
    message = dict(draw(st.permutations(list(MESSAGES[name].items()))))
    for field in draw(st.lists(st.sampled_from(sorted(message)), max_size=3)):
        how = draw(CHANGES)
        if how == "drop":
            message.pop(field, None)
        elif how == "unknown":
            message[f"{field}x"] = draw(VALUES)
        elif field in message:
            message[field] = changed(message[field], how, draw(VALUES))
    text = orjson.dumps(message, option=draw(st.sampled_from([0, orjson.OPT_INDENT_2])))
    if draw(st.booleans()):
        return text
    field = orjson.dumps(draw(st.sampled_from(sorted(MESSAGES[name]))))
    raw = draw(st.sampled_from(RAW) | VALUES.map(orjson.dumps))
    more, at = field + b":" + raw, draw(st.integers(0, len(text)))
    return draw(
        st.sampled_from(
            [
                b"{" + more + b"," + text[1:],  # a name that comes twice
                text[:-1] + b"," + more + b"}",
                text[:at] + text[at + 1 :],
                text[:at] + raw[:1] + text[at:],
                text + raw[:1],
                b"\xef\xbb\xbf" + text,
                b"[" + text + b"]",
            ]
        )
    )


def values(message: Any) -> Any:
    """The values of a message by field, whatever it is made of. As text: 0.0 and -0.0 are equal, but two."""
    if isinstance(message, Struct):
        kind = {"kind": repr(message.kind)} if hasattr(message, "kind") else {}
        return {**kind, **{one.name: values(getattr(message, one.name)) for one in fields(message)}}
    if isinstance(message, BaseModel):
        named = getattr(message, "root", message)
        return {name: values(getattr(named, name)) for name in type(named).model_fields}
    if isinstance(message, list | tuple):
        return [values(one) for one in message]
    return repr(message)


def same(name: str, text: bytes) -> bool:
    """Whether the fast way accepts a text; then pydantic must accept it, too, and say the same."""
    network = NETWORKS[name]
    try:
        fast = DECODERS[name](text)
    except UNREADABLE:
        return False
    model = network.schema.model_validate_json(text)
    assert values(fast) == values(model)
    assert network.draft(fast, SHANGHAI) == network.draft(model, SHANGHAI)
    return True


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.data())
def test_what_the_fast_way_accepts_pydantic_reads_alike(name: str, data: st.DataObject) -> None:
    same(name, data.draw(texts(name)))


@pytest.mark.parametrize("name", DECODERS)
def test_a_whole_sample_takes_the_fast_way(name: str) -> None:
    assert same(name, orjson.dumps(MESSAGES[name]))


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("raw", RAW)
def test_no_field_holds_what_pydantic_rejects(name: str, raw: bytes) -> None:
    for field in MESSAGES[name]:
        rest = orjson.dumps({key: value for key, value in MESSAGES[name].items() if key != field})
        same(name, rest[:-1] + b"," + orjson.dumps(field) + b":" + raw + b"}")


@pytest.mark.parametrize("name", DECODERS)
def test_a_rejection_is_worded_by_pydantic(name: str) -> None:
    network = NETWORKS[name]
    text = orjson.dumps({**MESSAGES[name], network.id_field: "not an id"})
    with pytest.raises(ValidationError) as rejected:
        network.read(text)
    with pytest.raises(ValidationError) as worded:
        network.schema.model_validate_json(text)
    assert str(rejected.value) == str(worded.value)


def test_an_unknown_field_is_kept() -> None:
    text = orjson.dumps({**MESSAGES["policing"], "extra": 1})
    assert NETWORKS["policing"].read(text).unknown() == {"extra": 1}
    assert not NETWORKS["policing"].read(orjson.dumps(MESSAGES["policing"])).unknown()


class Digits(BaseModel):
    """`\\d` is every digit of Unicode in both, but not of one version of Unicode."""

    code: Annotated[str, Field(pattern=r"^\d{2}$")]


class Lines(BaseModel):
    """A pattern that matches two lines."""

    text: Annotated[str, Field(pattern=r"^[^a]+$")]


class Part(BaseModel):
    """A pattern that need not match the whole text."""

    text: Annotated[str, Field(pattern=r"[0-9]")]


class Whole(BaseModel):
    """A number that is no float."""

    number: int


class Checked(BaseModel):
    """A check in a list."""

    texts: list[Annotated[str, AfterValidator(str.strip)]]


class Either(BaseModel):
    """A union of two texts."""

    text: Annotated[str, Field(pattern="^a$")] | Annotated[str, Field(pattern="^b$")]


class Null(BaseModel):
    """Null, but not the blank text."""

    text: Annotated[str, Field(pattern="^[a-z]$")] | None


def _named(text: str) -> str:
    if not text:
        raise ValueError("blank")
    return text


def _not_zero(number: float) -> float:
    assert number, "zero"
    return number


class Named(BaseModel):
    """A check that rejects the blank text."""

    text: Annotated[str, AfterValidator(_named)]


class MaybeNamed(BaseModel):
    """A check that rejects the blank text, behind a pattern that does not."""

    text: Annotated[str, Field(pattern="^a?$"), AfterValidator(_named)]


class NotZero(BaseModel):
    """A check of a number."""

    number: Annotated[float, AfterValidator(_not_zero)]


class Halves(BaseModel):
    """A number with a rule that msgspec does not get."""

    number: float = Field(multiple_of=0.5)


class Stripped(BaseModel):
    """A text that pydantic changes."""

    text: Annotated[str, StringConstraints(strip_whitespace=True)]


class AllStripped(BaseModel):
    """A model whose texts pydantic changes."""

    model_config = ConfigDict(str_strip_whitespace=True)
    text: str


class Afterwards(BaseModel):
    """A model with a function behind it."""

    text: str

    def model_post_init(self, _: Any, /) -> None:
        raise ValueError(self.text)


class NoOption(BaseModel):
    """A text that must not be what the check asserts."""

    text: Annotated[str, Field(pattern="^[a-z]$"), AfterValidator(lambda text: _not_zero(text != "x") and text)]


def test_a_failed_assertion_is_worded_by_pydantic() -> None:
    read = fast_reader(NoOption)
    assert read(b'{"text":"a"}').text == "a"
    with pytest.raises(ValidationError):
        read(b'{"text":"x"}')


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (Named, b'{"text":""}'),
        (MaybeNamed, b'{"text":""}'),
        (NotZero, b'{"number":0}'),
        (Halves, b'{"number":0.3}'),
        (Stripped, b'{"text":" a "}'),
        (AllStripped, b'{"text":" a "}'),
        (Afterwards, b'{"text":"a"}'),
    ],
)
def test_what_msgspec_does_not_get_is_left_to_pydantic(schema: type[BaseModel], text: bytes) -> None:
    """A network may use any option of pydantic. The fast way knows some, and leaves a schema with another one alone."""
    with pytest.raises(TypeError, match="fast"):
        fast_decoder(schema)
    outcomes: list[Any] = []
    for read in (fast_reader(schema), schema.model_validate_json):
        try:
            outcomes.append(values(read(text)))
        except ValidationError as rejected:
            outcomes.append(str(rejected))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("schema", [Digits, Lines, Part, Whole, Checked, Either, Null])
def test_a_schema_that_msgspec_may_read_in_another_way_is_left_to_pydantic(schema: type[BaseModel]) -> None:
    with pytest.raises(TypeError, match="fast"):
        fast_decoder(schema)
    read = fast_reader(schema)
    with pytest.raises(ValidationError):
        read(b"{}")
    if schema is Whole:
        assert read(b'{"number":7}') == Whole(number=7)
