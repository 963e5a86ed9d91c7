"""Whoever asks for topics in the wrong namespace is told where there are some."""

import pytest

from router.wire.topics import elsewhere

ELSEWHERE = ["los-angeles.grid.events", "los-angeles.tasks.ocb", "puyang.grid.events", "__consumer_offsets"]


@pytest.mark.parametrize(
    ("there", "namespace", "said"),
    [
        (ELSEWHERE, "", "there are topics under los-angeles., puyang.: set GRID_ROUTER_NAMESPACE to the one you mean"),
        (ELSEWHERE, "puyang.", "there are topics under los-angeles.: set GRID_ROUTER_NAMESPACE to the one you mean"),
        (["grid.events"], "drill.", "there are topics without namespace: unset GRID_ROUTER_NAMESPACE"),
        (
            ["grid.events", "a.grid.events"],
            "drill.",
            "there are topics under (none), a.: set GRID_ROUTER_NAMESPACE to the one you mean",
        ),
        (
            [f"n{n}.grid.events" for n in range(7)],
            "",
            "there are topics under n0., n1., n2., n3., n4., ...: set GRID_ROUTER_NAMESPACE to the one you mean",
        ),
        (["grid.events"], "", None),
        (["other-grid.events", "reports.policing"], "", None),
        ([], "", None),
    ],
)
def test_where_topics_are(there: list[str], namespace: str, said: str | None) -> None:
    assert elsewhere(there, namespace) == said
