"""Which numbers are masked, and which are left alone. The identity numbers are the two examples of GB 11643 itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from router.domain.privacy.detector import NOTHING, is_identity_number, mask_fields, mask_text, mask_value

WOMAN, MAN = "11010519491231002X", "440524188001010014"
IDENTITY, PHONE = frozenset({"identity-number"}), frozenset({"phone-number"})


@pytest.mark.parametrize(
    ("text", "masked", "found"),
    [
        (WOMAN, "1101**************", IDENTITY),
        (f"身份证{MAN}，住二楼", "身份证4405**************，住二楼", IDENTITY),
        (WOMAN.lower(), "1101**************", IDENTITY),
        ("110105 19491231 002X", "1101** ******** ****", IDENTITY),
        ("110105-19491231-002X", "1101**-********-****", IDENTITY),
        ("１１０１０５１９４９１２３１００２X", "１１０１**************", IDENTITY),
        ("请联系13812345678", "请联系138********", PHONE),
        ("tel13812345678a", "tel138********a", PHONE),
        ("138 1234 5678", "138 **** ****", PHONE),
        ("+86 138-1234-5678", "+86 138-****-****", PHONE),
        ("008613812345678", "0086138********", PHONE),
        ("１３８１２３４５６７８", "１３８********", PHONE),
        ("0393-1234567", "0393-*******", PHONE),
        ("010 12345678", "010 ********", PHONE),
        ("(0393) 1234567", "(039*) *******", PHONE),
        ("(213) 555-0123", "(21*) ***-****", PHONE),
        ("213-555-0123", "213-***-****", PHONE),
        ("+1 213 555 0123", "+1 213 *** ****", PHONE),
        (f"{WOMAN}/13812345678", "1101**************/138********", IDENTITY | PHONE),
        ("13812345678，13912345678", "138********，139********", PHONE),
    ],
)
def test_masked(text: str, masked: str, found: frozenset[str]) -> None:
    assert mask_text(text) == (masked, found)
    assert mask_text(masked) == (masked, NOTHING)
    assert len(masked) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "人民路123号",
        "110105194912310021",  # the check character is X
        "110105194913310021",  # there is no month 13
        "410902001001001",  # a cell
        "4109020102001234",  # a component
        "410902001001",  # a community
        "20261130123045",  # a time without separators
        "2026-11-30 12:30:45",
        "115.13812345678",  # a longitude
        "213812345678",  # twelve digits
        "1381234567",  # ten
        "12345",  # the hotline
        "110, 119",
        "0123456789abcdef" * 4,  # a digest
        "1234 N MAIN ST 90012-3456",
        "1-2345678901-9",
    ],
)
def test_left_alone(text: str) -> None:
    masked, found = mask_text(text)
    assert masked is text
    assert found == NOTHING


def test_the_check_character_of_gb_11643() -> None:
    assert is_identity_number(WOMAN)
    assert is_identity_number(MAN)
    wrong = [WOMAN[:17] + check for check in "0123456789"]
    assert not any(map(is_identity_number, wrong))


def test_a_value_of_any_depth() -> None:
    value: dict[str, Any] = {
        "phones": [13812345678, {"of": "x13812345678"}],
        "13812345678": 1,
        "13812340000": 2,
        "as text": Raw(b"13812345678.0"),
        "float": 13812345678.0,
        "count": 12,
        "large": 10**30,
        "none": None,
        "yes": True,
    }
    masked, found = mask_fields(value)
    assert found == PHONE
    assert masked == {
        "phones": ["138********", {"of": "x138********"}],
        "138********": 1,
        "138*********": 2,
        "as text": "138********",
        "float": "138********",
        "count": 12,
        "large": 10**30,
        "none": None,
        "yes": True,
    }
    assert value["phones"][0] == 13812345678


def test_what_has_none_is_the_same_object() -> None:
    fields = {"a": [1, 2.5, {"b": "12345"}], "c": Raw(b"1.50")}
    assert mask_fields(fields).value is fields
    assert mask_value(fields["a"]).value is fields["a"]


@given(st.text(), st.sampled_from([WOMAN, MAN, "13812345678"]), st.text())
def test_a_number_is_found_wherever_it_stands(before: str, number: str, after: str) -> None:
    """Unless it is a part of a longer number."""
    if before[-1:].isdigit() or before[-1:] == "." or after[:1].isdigit():
        before, after = before + "x", "x" + after
    masked = mask_text(before + number + after).value
    assert number not in masked


@given(st.text(alphabet="0123456789 -.()+xX号１３"))
def test_masking_twice_changes_nothing(text: str) -> None:
    once = mask_text(text).value
    assert len(once) == len(text)
    assert mask_text(once).value == once
