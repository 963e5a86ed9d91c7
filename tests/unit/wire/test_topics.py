"""Whoever asks for topics in the wrong namespace is told where there are some."""

import pytest

from router.wire.topics import elsewhere

ELSEWHERE = ["los-angeles.grid.events", "los-angeles.tasks.ocb", "puyang.grid.events", "__consumer_offsets"]


@pytest.mark.parametrize(
    ("there", "namespace", "said"),
    [
        (ELSEWHERE, "", ", or set GRID_ROUTER_NAMESPACE: there are topics under los-angeles., puyang."),
        (ELSEWHERE, "puyang.", ", or set GRID_ROUTER_NAMESPACE: there are topics under los-angeles."),
        (["grid.events"], "drill.", ", or unset GRID_ROUTER_NAMESPACE: there are topics without one"),
        (
            ["grid.events", "a.grid.events"],
            "drill.",
            ", or set GRID_ROUTER_NAMESPACE: there are topics under none, a.",
        ),
        (
            [f"n{n}.grid.events" for n in range(7)],
            "",
            ", or set GRID_ROUTER_NAMESPACE: there are topics under n0., n1., n2., n3., n4., ...",
        ),
        (["grid.events"], "", ""),
        (["other-grid.events", "reports.policing"], "", ""),
        ([], "", ""),
    ],
)
def test_where_topics_are(there: list[str], namespace: str, said: str) -> None:
    assert elsewhere(there, namespace) == said
