"""The sentences about matters without one lead."""

from datetime import UTC
from typing import get_args

import pytest

from router.cli.catalogue.coverage import _gap
from router.domain.catalogue.checks.coverage import Gap, Why
from router.domain.catalogue.regions import Extent


@pytest.mark.parametrize("why", get_args(Why))
def test_every_kind_of_gap_has_a_sentence(why: Why) -> None:
    gap = Gap(
        matter="tree", why=why, duties=("north", "south"), cells=2, extent=Extent(areas=("",), since=None, until=None)
    )
    assert _gap(gap, UTC).startswith("tree ")
