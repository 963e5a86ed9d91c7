"""Code tables: a code has a version, and an invalid row is reported with file, line and column."""

import pytest

from router.domain.catalogue.code_tables import CodeTable, load_codes
from tests.support.records import table

TABLE = """\
0402,2013,street,order
0402,2007,emergency,emergency
0102,2013,rubbish,rubbish
0102,2007,rubbish,rubbish
0103,,soil,soil heaps
0103,2007,waste,building waste
0201,2013,poster,posters
"""


@pytest.mark.parametrize(
    ("code", "version", "matter"),
    [
        ("0402", "2013", "street"),
        ("0402", "2007", "emergency"),
        ("0402", "2031", None),
        ("0402", None, None),  # versions differ, so the matter is unknown
        ("0102", None, "rubbish"),  # all rule sets agree
        ("0102", "2031", None),
        ("0103", "2007", "waste"),
        ("0103", "2013", "soil"),  # the row without version holds for every other
        ("0103", None, "soil"),
        ("0201", None, "poster"),
        ("0201", "2007", None),
        ("9999", None, None),
        ("", None, None),
        ("0402 ", "2013", None),
    ],
)
def test_a_code_gives_its_matter(code: str, version: str | None, matter: str | None) -> None:
    assert table(TABLE).matter(code, version) == matter


def test_a_table_has_the_codes_of_all_its_versions() -> None:
    read = table(TABLE)
    assert [read.knows(code) for code in ("0402", "0103", "9999")] == [True, True, False]


def test_the_row_for_every_other_code_is_no_code() -> None:
    read = table("*,,other,anything else\n0103,,soil,x\n")
    assert read.otherwise is not None
    assert (read.otherwise.matter, read.otherwise.line) == ("other", 2)
    assert [row.code for row in read.codes] == ["0103"]
    assert [read.matter(code, None) for code in ("0103", "*", "0104")] == ["soil", None, None]
    assert not read.knows("*")
    assert table(TABLE).otherwise is None


def test_the_row_for_every_other_code_has_no_version() -> None:
    (finding,) = load_codes("code,version,matter,name\n*,2013,m,x\n", "codes/x.csv")  # type: ignore[misc]
    assert str(finding) == (
        "codes/x.csv:2:3: GR003 the row `*` names a version, but it takes every version; leave the version empty."
    )


def test_the_codes_of_a_matter_keep_the_order_of_the_file() -> None:
    read = table("b,,m,\na,2013,m,\nc,,n,\n")
    assert [(row.code, row.version, row.line) for row in read.of_matter("m")] == [("b", None, 2), ("a", "2013", 3)]
    assert read.of_matter("none") == ()


def test_quoted_fields_and_windows_line_ends_are_read() -> None:
    read = load_codes('code,version,matter,name\r\n"Metal/House, hold",,metal,"a ""b"""\r\n', "c.csv")
    assert isinstance(read, CodeTable)
    assert read.matter("Metal/House, hold", None) == "metal"
    assert read.codes[0].name == 'a "b"'


def test_a_file_without_rows_is_an_empty_table() -> None:
    assert table("").codes == ()


@pytest.mark.parametrize(
    ("row", "place", "code", "says"),
    [
        (" b,,m,x", "2:1", "GR003", "`code` has blanks around it"),
        ("b,v ,m,x", "2:3", "GR003", "`version` has blanks around it"),
        ("b,,m,x\x1b[31m", "2:6", "GR003", "`name` has blanks around it, a control character"),
        ("b,,m,\u202ex", "2:6", "GR003", "`name`"),
        (f"{'b' * 101},,m,x", "2:1", "GR003", "more than 100 characters"),
        (",v,m,x", "2:1", "GR003", "`code` is empty"),
        ("b,,,x", "2:4", "GR003", "`matter` is empty"),
        ('"b,c",,,x', "2:8", "GR003", "`matter` is empty"),
        ("b,,m", "2:1", "GR003", "3 fields instead of 4"),
        ("b,,m,x,y", "2:1", "GR003", "5 fields instead of 4"),
        ('"b,,m,x', "2:1", "GR001", "no readable CSV"),
    ],
)
def test_an_invalid_row_is_reported_with_its_position(row: str, place: str, code: str, says: str) -> None:
    findings = load_codes(f"code,version,matter,name\n{row}\n", "codes/x.csv")
    assert isinstance(findings, list)
    assert (findings[0].place, findings[0].code) == (f"codes/x.csv:{place}", code)
    assert says in findings[0].message
    assert "\x1b" not in str(findings[0])


def test_every_invalid_row_is_reported() -> None:
    text = "code,version,matter,name\na,,m,\n,,m,\nb,,,\na,,n,\na,v,n,\nc,v\n"
    findings = load_codes(text, "x.csv")
    assert isinstance(findings, list)
    assert sorted(one.place for one in findings) == ["x.csv:3:1", "x.csv:4:4", "x.csv:5:1", "x.csv:7:1"]
    (twice,) = [one for one in findings if one.place == "x.csv:5:1"]
    assert str(twice) == (
        "x.csv:5:1: GR004 code 'a' stands here again with the same version (first in line 2); keep one of the two."
    )


@pytest.mark.parametrize(
    ("text", "place"), [("", "x.csv:1:1"), ("code,matter\n", "x.csv:1:1"), ("code;version;matter;name\n", "x.csv:1:1")]
)
def test_another_header_is_rejected(text: str, place: str) -> None:
    findings = load_codes(text, "x.csv")
    assert isinstance(findings, list)
    assert [one.place for one in findings] == [place]
    assert "code,version,matter,name" in findings[0].hint
