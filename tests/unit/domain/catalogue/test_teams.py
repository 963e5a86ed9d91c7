"""teams.csv: each mistake has its file, line and column."""

import pytest

from router.domain.catalogue.teams import Post, read_teams
from router.domain.documents import Source
from tests.support.catalogue_lists import CELLS, catalogue, codes_and_positions

HEADER = "area,role,department,unit\n"
DEPARTMENTS = catalogue().departments


def read(rows: str) -> tuple[tuple[Post, ...], list[tuple[str, str, int, int]]]:
    posts, findings = read_teams(Source("teams.csv", HEADER + rows), DEPARTMENTS, CELLS)
    return posts, codes_and_positions(findings)


def test_the_rows_of_a_city() -> None:
    posts, findings = read(",judge,police,\n410902,judge,roads,north\n410902001,judge,,\n4109,adviser,roads,street\n")
    assert findings == []
    assert posts == (
        Post(area="", role="judge", department="police"),
        Post(area="410902", role="judge", department="roads", unit="north"),
        Post(area="410902001", role="judge", department=None),
        Post(area="4109", role="adviser", department="roads", unit="street"),
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("410,judge,police,", ("GR003", "teams.csv", 2, 1)),
        ("４１,judge,police,", ("GR003", "teams.csv", 2, 1)),
        ("410904,judge,police,", ("GR023", "teams.csv", 2, 1)),
        ("410902,Judge,police,", ("GR003", "teams.csv", 2, 8)),
        ("410902,,police,", ("GR003", "teams.csv", 2, 8)),
        ("410902,judge,polise,", ("GR010", "teams.csv", 2, 14)),
        ("410902,judge,roads,south", ("GR013", "teams.csv", 2, 20)),
        ("410902,judge,,north", ("GR003", "teams.csv", 2, 15)),
        ("410902,judge,police", ("GR003", "teams.csv", 2, 1)),
        (",judge,police,\n,judge,roads,", ("GR004", "teams.csv", 3, 2)),
    ],
)
def test_what_is_wrong_with_a_row(row: str, expected: tuple[str, str, int, int]) -> None:
    assert read(f"{row}\n")[1] == [expected]


def test_another_header_and_an_empty_file() -> None:
    for text, code in (("area,role\n", "GR003"), ("", "GR005")):
        posts, findings = read_teams(Source("teams.csv", text), DEPARTMENTS, CELLS)
        assert (posts, [one.code for one in findings]) == ((), [code])
