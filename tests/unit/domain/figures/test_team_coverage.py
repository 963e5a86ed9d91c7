"""Which cells have a full team, counted from the table."""

from router.domain.catalogue.teams import Post
from router.domain.figures.coverage import Lacking, RoleCoverage, figures_of_teams

HERE, NEXT, STREET, COUNTY = "410902001001001", "410902001001002", "410902002001001", "410903001001001"
CELLS = (COUNTY, HERE, NEXT, STREET)


def post(area: str, role: str, department: str | None = "court") -> Post:
    return Post(area=area, role=role, department=department)


def test_a_cell_is_full_when_every_role_has_a_department() -> None:
    posts = [
        post("", "judge"),
        post("410902", "prosecutor"),
        post("410902002", "prosecutor", None),
        post(NEXT, "judge", None),
    ]
    found = figures_of_teams(posts, CELLS)
    assert (found.cells, found.full, found.rate) == (4, 1, 0.25)
    assert found.roles == (RoleCoverage(role="judge", cells=3), RoleCoverage(role="prosecutor", cells=2))
    assert found.lacking == (
        Lacking(area=NEXT, cells=1, roles=("judge",)),
        Lacking(area=STREET, cells=1, roles=("prosecutor",)),
        Lacking(area=COUNTY, cells=1, roles=("prosecutor",)),
    )


def test_cells_of_a_community_that_lack_the_same_are_one_entry() -> None:
    found = figures_of_teams([post("", "judge"), post("410902001", "judge", None)], CELLS)
    assert found.lacking == (Lacking(area="410902001001", cells=2, roles=("judge",)),)
    assert found.rate == 0.5


def test_the_longest_area_decides_also_when_it_gives_a_role_back() -> None:
    posts = [post("", "judge", None), post("410902001", "judge"), post(HERE, "judge", None)]
    assert [one.area for one in figures_of_teams(posts, CELLS).lacking] == [HERE, STREET, COUNTY]


def test_no_roles_or_no_cells_is_no_full_team() -> None:
    assert (figures_of_teams([], CELLS).full, figures_of_teams([], CELLS).rate) == (0, 0.0)
    assert figures_of_teams([post("", "judge")], []).rate == 0.0
