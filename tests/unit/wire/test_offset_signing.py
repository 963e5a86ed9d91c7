"""Stored offsets that another program wrote do not count, whatever they hold."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from router.wire.errors import InputError
from router.wire.offset_signing import EMBEDDED, GRACE, OffsetKeys, make_offset_keys, offset_keys, read_offset_keys
from router.wire.settings import Settings
from router.wire.stored_offsets import StoredOffset, decode_stored_offset, encode_stored_offset

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
KEY, OTHER = b"k" * 32, b"o" * 32
KEYS = OffsetKeys([KEY], NOW)
LATEST_TICK = NOW - timedelta(minutes=1)
STORED = StoredOffset(
    offset=7,
    topic_id="t" * 22,
    cases_id="c" * 22,
    number=3,
    ticked_at=NOW - timedelta(hours=1),
    escalated_until=NOW - timedelta(hours=1),
    escalated_case="C-7",
)
WHERE = ("grid.offsets", 2)
LATER = round((NOW + timedelta(days=1)).timestamp() * 1000)
BEFORE = round((NOW - timedelta(seconds=1)).timestamp() * 1000)


def test_a_signed_offset_counts_as_it_was_written() -> None:
    signed = decode_stored_offset(encode_stored_offset(KEYS.sign(STORED, *WHERE))[1])
    assert replace(signed, signature="") == STORED
    assert len(signed.signature) == 32
    assert KEYS.counts(signed, *WHERE, LATER)


@pytest.mark.parametrize(
    "forged",
    [
        {"offset": 8},
        {"offset": 6},
        {"topic_id": "u" * 22},
        {"cases_id": "d" * 22},
        {"leader_epoch": 1},
        {"number": 4},
        {"escalated_until": LATEST_TICK},
        {"escalated_case": "C-8"},
        {"signature": ""},
        {"signature": "0" * 32},
        {"signature": "é"},
    ],
)
def test_no_changed_field_counts(forged: dict[str, object]) -> None:
    signed = KEYS.sign(STORED, *WHERE)
    assert not KEYS.counts(replace(signed, **forged), *WHERE, LATER)


def test_a_signature_holds_for_one_partition_of_one_topic() -> None:
    signed = KEYS.sign(STORED, *WHERE)
    assert not KEYS.counts(signed, "grid.offsets", 3, LATER)
    assert not KEYS.counts(signed, "drill.grid.offsets", 2, LATER)


def test_what_was_stored_before_there_were_keys_counts() -> None:
    assert KEYS.counts(STORED, *WHERE, BEFORE)
    assert KEYS.counts(OffsetKeys([OTHER]).sign(STORED, *WHERE), *WHERE, BEFORE), "a key that was lost"
    assert not KEYS.counts(STORED, *WHERE, LATER)
    assert not OffsetKeys([KEY]).counts(STORED, *WHERE, BEFORE), "a file that trusts nothing"


def test_keys_rotate() -> None:
    """A new first line signs, and the old one still verifies."""
    both = OffsetKeys([OTHER, KEY])
    assert both.counts(KEYS.sign(STORED, *WHERE), *WHERE, LATER)
    assert OffsetKeys([OTHER]).counts(both.sign(STORED, *WHERE), *WHERE, LATER)
    assert not KEYS.counts(both.sign(STORED, *WHERE), *WHERE, LATER)


def test_without_keys_nothing_is_signed_and_everything_counts() -> None:
    none = OffsetKeys()
    assert none.sign(STORED, *WHERE) == STORED
    assert none.counts(STORED, *WHERE, LATER)
    assert not none


def test_a_file_of_keys_is_private_and_is_not_written_twice(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    assert make_offset_keys(file, NOW)
    text = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert not make_offset_keys(file, NOW)
    assert file.read_text() == text
    keys = read_offset_keys(file)
    until = NOW + GRACE
    assert keys.counts(STORED, *WHERE, round(until.timestamp() * 1000) - 1)
    assert not keys.counts(STORED, *WHERE, round(until.timestamp() * 1000))
    assert keys.counts(keys.sign(STORED, *WHERE), *WHERE, LATER)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the file has no key"),
        ("trust-until 2026-11-30T08:00:00+00:00\n", "the file has no key"),
        ("key 12\n", ":1: the line is neither a key nor an instant"),
        ("key " + "5" * 64 + "\ntrust-until yesterday\n", ":2: the line is neither"),
        ("key " + "5" * 64 + "\ntrust-until 2026-11-30T08:00:00\n", ":2: the line is neither"),
        ("ключ", "cannot be read"),
    ],
)
def test_a_wrong_file_gets_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text, "utf-8")
    file.chmod(0o600)
    with pytest.raises(InputError, match=sentence):
        read_offset_keys(file)


def test_a_file_that_others_may_read_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    make_offset_keys(file, NOW)
    file.chmod(0o644)
    with pytest.raises(InputError, match="others may read"):
        read_offset_keys(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_offset_keys(tmp_path / "none")


def test_the_embedded_broker_has_keys_of_its_own(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, broker_port=29_092)
    (tmp_path / EMBEDDED).parent.mkdir()
    make_offset_keys(tmp_path / EMBEDDED, NOW)
    assert offset_keys(settings, "127.0.0.1:29092")
    assert not offset_keys(settings, "kafka-1:9092"), "an outside cluster has other workers, too"
    make_offset_keys(tmp_path / "keys", NOW)
    assert offset_keys(settings.model_copy(update={"offset_keys": tmp_path / "keys"}), "kafka-1:9092")
