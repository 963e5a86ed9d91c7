"""A stopped feed continues without a gap and without sending everything again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from router.cli.live_view.resume_point import unsent
from router.simulator.messages import SourceMessage
from router.wire.partitioning import partition_for_key
from router.wire.topic_names import Names

NAMES = Names("t1.")
PARTITIONS = 4
START = datetime(2018, 1, 1, tzinfo=UTC)


def message(number: int, network: str = "hotline", source_id: str | None = None) -> SourceMessage:
    return SourceMessage(
        network=network,
        source_id=source_id or f"1-{number}",
        value=b"{}",
        received_at=START + timedelta(seconds=number),
        kind="recorded",
    )


def slot(message: SourceMessage) -> tuple[str, int]:
    return NAMES.reports(message.network), partition_for_key(message.source_id.encode(), PARTITIONS)


def topics(sent: list[SourceMessage]) -> dict[tuple[str, int], list[bytes]]:
    """The last keys of each partition, newest first."""
    keys: dict[tuple[str, int], list[bytes]] = {}
    for one in sent:
        keys.setdefault(slot(one), []).insert(0, one.source_id.encode())
    return keys


ALL = [message(n, network) for n in range(60) for network in ("hotline", "policing")]


def test_nothing_sent_means_everything_is_left() -> None:
    assert unsent(ALL, {}, NAMES, PARTITIONS) == ALL


def test_everything_sent_means_nothing_is_left() -> None:
    assert unsent(ALL, topics(ALL), NAMES, PARTITIONS) == []


def test_a_run_with_more_messages_sends_only_the_new_ones() -> None:
    more = [*ALL, message(100), message(101, "policing")]
    assert unsent(more, topics(ALL), NAMES, PARTITIONS) == more[-2:]


@given(st.dictionaries(st.sampled_from(sorted({slot(m) for m in ALL})), st.integers(0, 120)))
def test_each_partition_continues_where_it_stopped(
    reached: dict[tuple[str, int], int],
) -> None:
    sent = [m for index, m in enumerate(ALL) if index < reached.get(slot(m), 0)]
    left = unsent(ALL, topics(sent), NAMES, PARTITIONS)
    assert left == [m for m in ALL if m not in sent]


def test_records_of_other_producers_do_not_hide_the_resume_point() -> None:
    keys = topics(ALL[:50])
    for behind in keys.values():
        behind.insert(0, b"a newcomer's own try")
    assert unsent(ALL, keys, NAMES, PARTITIONS) == ALL[50:]


def test_a_key_sent_twice_leaves_no_gap() -> None:
    same = [message(n, source_id=source_id) for n, source_id in enumerate(["1-0", "1-1", "1-0", "1-1", "1-0"])]
    alone = [m for m in same if m.source_id == "1-0"]
    left = unsent(alone, topics(alone[:1]), NAMES, PARTITIONS)
    assert left == alone[1:]
