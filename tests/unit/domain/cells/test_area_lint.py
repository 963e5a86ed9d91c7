"""Areas of the networks that no message can name, and areas that read alike."""

import pytest

from router.domain.cells import area_lint
from router.domain.cells.csv_tables import Tables, read_tables
from router.domain.documents import Source
from router.domain.names import folded
from router.domain.networks.registry import NETWORKS

CELL = "410902001001001"
SQUARE = '"POLYGON((115 35,115.001 35,115.001 35.001,115 35.001,115 35))"'
PATTERNS = {name: network.grids for name, network in NETWORKS.items()}


def findings(*rows: str, grids: str = "") -> list[str]:
    texts = {
        "cells.csv": f"code,name,valid_from,valid_until,geometry\n{CELL},,,,{SQUARE}\n",
        "communities.csv": f"community,name,default_cell\n{CELL[:12]},,{CELL}\n",
        "areas.csv": "network,area,code,share\n" + "".join(f"{row},{CELL[:12]},\n" for row in rows),
        "grids.csv": f"network,area,name,valid_from,valid_until,geometry\n{grids}",
    }
    cells, communities, areas, drawn = (Source(*one) for one in texts.items())
    tables = read_tables(cells, communities, areas, None, grids=drawn, networks=NETWORKS)
    assert isinstance(tables, Tables), tables
    return [f"{one.level} {one}" for one in area_lint.check(tables, "areas.csv", "grids.csv", PATTERNS)]


def test_areas_as_the_networks_write_them_have_no_finding() -> None:
    grid = "03020141090200100100"
    assert (
        findings("hotline,Central APC|CENTRAL|", f"enforcement,{grid}", f"work-safety,{grid}", "policing,410902001000")
        == []
    )


@pytest.mark.parametrize(
    ("area", "writes"),
    [
        ("enforcement,3020141090200100100", "it writes ([0-9]{20})"),  # a zero was lost
        ("policing,４１０９０２００１０００", "it writes ([0-9]{12})"),
        ("policing,410902001000 ", "it writes ([0-9]{12})"),
        ("policing,East|C|C1", "it writes ([0-9]{12})"),
        ("hotline,Central APC", r"it writes (?s:.*\|.*\|.*)"),
        ("governance,410902001000", "its messages name no area"),
    ],
)
def test_an_area_that_no_message_can_name_is_a_warning(area: str, writes: str) -> None:
    network, name = area.split(",")
    assert findings(area) == [
        f"warning areas.csv:2:1: GR056 no message of {network} can name the area {name!r}; {writes}; correct the rows, or remove them."
    ]


def test_the_dead_areas_of_a_network_are_one_finding_in_each_file() -> None:
    found = findings("policing,1", "policing,2", "policing,410902001000", grids=f"policing,3,,,,{SQUARE}\n")
    assert [one.partition("; ")[0] for one in found] == [
        "warning areas.csv:2:1: GR056 no message of policing can name the area '1' and 1 more",
        "warning grids.csv:2:1: GR056 no message of policing can name the area '3'",
    ]


def test_areas_that_read_alike_are_a_warning() -> None:
    found = findings("hotline,Old  Town|N|", "hotline,old town|n|", "hotline,Old Town|Ｎ|", "hotline,Old Town|S|")
    assert [one.partition(";")[0] for one in found] == [
        "warning areas.csv:3:1: GR057 area 'old town|n|' of hotline differs from 'Old  Town|N|' (line 2) only by blanks, case or width",
        "warning areas.csv:4:1: GR057 area 'Old Town|Ｎ|' of hotline differs from 'Old  Town|N|' (line 2) only by blanks, case or width",
    ]


def test_names_fold_as_people_read_them() -> None:
    assert folded(" Straße\u3000Ｎord ") == folded("STRASSE nord") == "strasse nord"
    assert folded("公安 局") != folded("公安局")
