"""Names of topics: other namespaces that have some, and old names with their new names."""

import pytest

from router.kafka.unpacking import MAX_UNPACKED_BYTES
from router.wire.declared_topics import declared
from router.wire.other_topics import elsewhere, renamed_topics
from router.wire.topic_names import Names
from tests.support.repository import ROOT

ELSEWHERE = ["los-angeles.grid.events", "los-angeles.tasks.ocb", "puyang.grid.events", "__consumer_offsets"]


@pytest.mark.parametrize(
    ("there", "namespace", "said"),
    [
        (ELSEWHERE, "", ", or set GRID_ROUTER_NAMESPACE: there are topics under `los-angeles.`, `puyang.`"),
        (ELSEWHERE, "puyang.", ", or set GRID_ROUTER_NAMESPACE: there are topics under `los-angeles.`"),
        (["grid.events"], "drill.", ", or unset GRID_ROUTER_NAMESPACE: there are topics without one"),
        (
            ["grid.events", "a.grid.events"],
            "drill.",
            ", or set GRID_ROUTER_NAMESPACE: there are topics under none, `a.`",
        ),
        (
            [f"n{n}.grid.events" for n in range(7)],
            "",
            ", or set GRID_ROUTER_NAMESPACE: there are topics under `n0.`, `n1.`, `n2.`, `n3.`, `n4.`, 2 more",
        ),
        (["grid.events"], "", ""),
        (["other-grid.events", "reports.policing"], "", ""),
        ([], "", ""),
    ],
)
def test_the_hint_names_namespaces_that_have_topics(there: list[str], namespace: str, said: str) -> None:
    assert elsewhere(there, namespace) == said


TOPICS = declared(Names("drill."), networks=["hotline", "policing"], departments=["ocb"], partitions=1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("drill.grid.places.hotline", "drill.grid.dedup.hotline"),
        ("drill.grid.positions", "drill.grid.offsets"),
        ("drill.grid.catalogue", "drill.grid.rule-sets"),
    ],
)
def test_an_old_topic_is_named_with_its_new_name_and_what_to_do(old: str, new: str) -> None:
    assert str(renamed_topics(["drill.grid.events", old], TOPICS)) == (
        f"{old}: the topic is now {new}, and this version does not read the old one; end the old workers when their lag "
        "is 0 and delete the old topics, or set GRID_ROUTER_NAMESPACE to a new prefix (docs/how-to/upgrade.md)."
    )


def test_several_old_topics_are_counted() -> None:
    old = ["drill.grid.places.hotline", "drill.grid.places.policing", "drill.grid.positions"]
    assert "drill.grid.places.hotline: the topic is now drill.grid.dedup.hotline (and 2 more" in str(
        renamed_topics(old, TOPICS)
    )


def test_old_topics_of_another_namespace_do_not_matter() -> None:
    assert renamed_topics(["grid.positions", "live.grid.positions", "drill.grid.events"], TOPICS) is None


def test_every_old_topic_is_on_the_upgrade_page() -> None:
    page = (ROOT / "docs" / "how-to" / "upgrade.md").read_text("utf-8")
    topics = declared(Names(), networks=["<network>"], departments=["ocb"], partitions=1)
    for topic in topics:
        assert topic.formerly is None or f"| `{topic.formerly}` | `{topic.name}` |" in page
    assert sum(topic.formerly is not None for topic in topics) == 3


def test_no_topic_makes_the_broker_unpack_a_batch_or_take_one_of_any_size() -> None:
    """With any `compression.type` but `producer` the broker holds a batch unpacked: 300 MiB for 306 KB of gzip."""
    topics = declared(Names(), networks=["policing"], departments=["parks"], partitions=2)
    configs = {topic.name: topic.config() for topic in topics}
    assert {config["compression.type"] for config in configs.values()} == {"producer"}
    assert configs["reports.policing"]["max.message.bytes"] == str(4 << 20)
    assert max(int(config["max.message.bytes"]) for config in configs.values()) < MAX_UNPACKED_BYTES


@pytest.mark.parametrize(
    ("topic", "found", "wanted"),
    [
        ("reports.hotline", {}, 4),
        ("reports.hotline", {"reports.hotline": 2}, 4),
        ("reports.hotline", {"reports.hotline": 6}, 6),
        ("grid.dedup.hotline", {"reports.hotline": 6, "grid.dedup.hotline": 4}, 6),
        ("grid.dedup.hotline", {"reports.hotline": 6}, 6),
        ("grid.dedup.hotline", {"reports.hotline": 4, "grid.dedup.hotline": 6}, 6),
        ("grid.events", {"grid.events": 6}, 4),
        ("grid.cases", {"grid.events": 6, "grid.cases": 6}, 4),
    ],
)
def test_the_partitions_that_a_topic_must_have(topic: str, found: dict[str, int], wanted: int) -> None:
    topics = {one.name: one for one in declared(Names(), networks=["hotline"], departments=[], partitions=4)}
    assert topics[topic].wanted_partitions(found) == wanted


def test_what_an_erasure_replaces_does_not_wait_for_half_of_a_partition() -> None:
    """Every compacted topic that may have the text of a person. The others have ids, digests and rules."""
    topics = declared(Names(), networks=["policing"], departments=["parks"], partitions=2)
    lags = {one.name: one.config().get("max.compaction.lag.ms") for one in topics if "compact" in one.cleanup}
    week = str(7 * 24 * 3_600_000)
    assert {name for name, lag in lags.items() if lag == week} == {
        *("grid.cases", "grid.archive", "grid.transitions", "grid.repairs"),
    }
    assert {name for name, lag in lags.items() if lag is None} == {
        *("grid.dedup.policing", "grid.offsets", "grid.rule-sets", "grid.feedback-offsets"),
    }
