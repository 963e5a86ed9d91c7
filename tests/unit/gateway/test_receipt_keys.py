"""Tokens of receipts: none can be guessed, and every gateway with the file reads it."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.gateway.receipt_keys import LONGEST, ReceiptKeys, ReceivedReport, make_receipt_keys, read_receipt_keys
from router.wire import private_files
from router.wire.errors import InputError

KEYS = ReceiptKeys([bytes(range(64))])
REPORT = ReceivedReport(1_790_000_000, "policing", "J-1", 3, 12)


@given(
    st.integers(0, 2**40),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64),
    st.integers(0, 2**63 - 1),
)
def test_a_token_says_its_report_to_who_has_the_key_alone(at: int, source_id: str, offset: int) -> None:
    report = ReceivedReport(at, "litigation-services", source_id, 1023, offset)
    token = KEYS.token_of(report)
    assert KEYS.report_of(token) == report
    assert KEYS.token_of(report) == token
    assert len(token) <= LONGEST
    assert ReceiptKeys([bytes(64)]).report_of(token) is None


def test_a_token_that_was_changed_is_none() -> None:
    token = KEYS.token_of(REPORT)
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        assert KEYS.report_of(token[:place] + other + token[place + 1 :]) in {
            None,
            REPORT,
        }  # the last one has spare bits
        assert KEYS.report_of(token[:place]) is None
    for wrong in ("", "J-1", "policing:J-1", token + "A", token + "=", "é" * 40, "A" * 10_000, token.upper()):
        assert KEYS.report_of(wrong) is None


def test_a_new_key_makes_tokens_and_the_old_one_still_reads(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    os.umask(0o022)
    make_receipt_keys(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    old = read_receipt_keys(file)
    given_out = old.token_of(REPORT)
    other = tmp_path / "other"
    make_receipt_keys(other)
    file.write_text(other.read_text() + file.read_text())
    both, new = read_receipt_keys(file), read_receipt_keys(other)
    assert both.report_of(given_out) == REPORT
    assert both.token_of(REPORT) == new.token_of(REPORT) != given_out
    assert new.report_of(given_out) is None


def test_a_file_that_exists_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    make_receipt_keys(file)
    before = file.read_text()
    with pytest.raises(InputError, match="exists"):
        make_receipt_keys(file)
    assert file.read_text() == before
    with pytest.raises(InputError, match="cannot be written"):
        make_receipt_keys(tmp_path / "none" / "keys")


@pytest.mark.parametrize(
    ("content", "mode", "what"),
    [
        (b"", 0o600, "has no key"),
        (b"key " + b"0" * 127, 0o600, "no key"),
        (b"key " + b"0" * 128 + b"\nx", 0o600, ":2"),
        (b"\xff", 0o600, "no text"),
        (b"key " + b"0" * 128, 0o644, "others may read"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, content: bytes, mode: int, what: str) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(InputError, match=what):
        read_receipt_keys(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_receipt_keys(tmp_path / "none")


@pytest.mark.parametrize("mode", [0o440, 0o640])
def test_a_file_of_root_may_be_readable_by_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    """As Kubernetes, Compose and systemd mount a secret."""
    file = tmp_path / "keys"
    make_receipt_keys(file)
    file.chmod(mode)
    monkeypatch.setattr(private_files, "ROOT", -1)
    with pytest.raises(InputError, match="others may read"):
        read_receipt_keys(file)
    monkeypatch.setattr(private_files, "ROOT", file.stat().st_uid)
    assert read_receipt_keys(file).token_of(REPORT)
