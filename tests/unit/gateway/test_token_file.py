"""The file of hashed tokens, and the commands that write and read it."""

import os
import stat
import sys
from pathlib import Path

import pytest

from router.cli import main as entry
from router.gateway import authentication
from router.gateway.token_file import MAX_TOKENS, TokenHashes, add_token, hash_of, read_token_file
from router.wire import private_files
from router.wire.errors import InputError
from router.wire.settings import Settings

HASH = "0" * 64


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


def written(file: Path, text: str | bytes) -> Path:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    file.chmod(0o600)
    return file


def test_a_token_is_known_by_its_hash_alone(file: Path) -> None:
    os.umask(0o022)
    first = add_token(file, "first", "report:policing area:4109")
    second = add_token(file, "second", "report:*")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert first not in text
    assert second not in text
    hashes = read_token_file(file)
    found = hashes.grant_of(first)
    assert found is not None
    assert (found.holder, found.networks, found.areas) == ("first", {"policing"}, ("4109",))
    assert hashes.grant_of(second) is not None
    for wrong in (first[:-1], first + "x", "", "\udcff", hash_of(first).hex()):
        assert hashes.grant_of(wrong) is None


@pytest.mark.parametrize(("given", "mode"), [(0o640, 0o640), (0o660, 0o600), (0o644, 0o600)])
def test_a_second_token_leaves_the_file_to_the_program_that_reads_it(
    file: Path, monkeypatch: pytest.MonkeyPatch, given: int, mode: int
) -> None:
    """A file of root and of the gateway's group, as docs/how-to/deploy.md makes it."""
    add_token(file, "first", "report:*")
    file.chmod(given)
    before = file.stat()
    monkeypatch.setattr(private_files, "ROOT", before.st_uid)
    if given != 0o640:
        with pytest.raises(InputError, match="others"):
            add_token(file, "second", "report:*")
        private_files.open_private(file, "ab").close()
    else:
        add_token(file, "second", "report:*")
    after = file.stat()
    assert (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid, after.st_ino) == (
        mode,
        before.st_uid,
        before.st_gid,
        before.st_ino,
    )


def test_tokens_differ(file: Path) -> None:
    assert len({add_token(file, f"app-{number}", "report:*") for number in range(20)}) == 20


def test_a_line_may_end_without_a_line_break(file: Path) -> None:
    written(file, f"# apps\n\nfirst {HASH} report:policing  # the old one")
    token = add_token(file, "second", "report:hotline")
    hashes = read_token_file(file)
    assert [one.holder for one in hashes.grants] == ["first", "second"]
    assert hashes.grant_of(token) is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("first\n", "64 hexadecimal digits"),
        (f"First {HASH} report:*\n", "a name is lower-case"),
        (f"first {HASH[1:]} report:*\n", "64 hexadecimal digits"),
        (f"first {HASH}\n", "for no network"),
        (f"first {HASH} area:4109\n", "for no network"),
        (f"first {HASH} reports:policing\n", "'reports:policing' is none of"),
        (f"first {HASH} report:policing area:41x\n", "'area:41x' is no area"),
        (f"first {HASH} report:*{' report:*' * 500} area:4109\n", "more than 4096 characters"),
        (f"first {HASH} report:*\nfirst {HASH[1:]}1 report:*\n", "a name stands there twice"),
        (f"first {HASH} report:*\nsecond {HASH} report:*\n", "a hash stands there twice"),
        (b"\xff\xfe", "no text"),
        ("#" * (2 << 20), "more than 1 MiB"),
        ("".join(f"a{n} {n:064x} report:*\n" for n in range(MAX_TOKENS + 1)), "more than 1000 tokens"),
    ],
)
def test_a_wrong_file_is_rejected_with_its_line(file: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(InputError, match=says) as raised:
        read_token_file(written(file, text))
    assert str(file) in str(raised.value)


def test_a_file_that_others_may_read_is_rejected(file: Path) -> None:
    add_token(file, "first", "report:*")
    file.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        read_token_file(file)


@pytest.mark.parametrize(
    ("name", "scope"), [("first", "report:*"), ("Bad Name", "report:*"), ("x", "report:"), ("x", "")]
)
def test_a_wrong_token_is_not_added(file: Path, name: str, scope: str) -> None:
    add_token(file, "first", "report:*")
    before = file.read_bytes()
    with pytest.raises(InputError):
        add_token(file, name, scope)
    assert file.read_bytes() == before


def test_the_commands_make_and_list_tokens(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["grid-router", "tokens", *words, "--file", str(file)])
        with pytest.raises(SystemExit) as ended:
            entry.main()
        assert not ended.value.code, capsys.readouterr().err
        return capsys.readouterr().out

    made = run("add", "inspector-app", "--network", "urban-management", "--network", "governance", "--area", "410902")
    known = read_token_file(file).grant_of(made.strip())
    assert known is not None
    assert known.networks == {"urban-management", "governance"}
    assert run("list", "-o", "json") == (
        '[{"name":"inspector-app","scope":"report:governance report:urban-management area:410902"}]\n'
    )
    with pytest.raises(AssertionError, match="no network 'polcing'"):
        run("add", "other", "--network", "polcing")


def test_a_change_during_the_first_read_counts(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_token(file, "first", "report:*")
    added: list[str] = []

    def read(of: Path) -> TokenHashes:
        found = read_token_file(of)
        if not added:
            added.append(add_token(file, "second", "report:*"))
        return found

    monkeypatch.setattr(authentication, "read_token_file", read)
    found = authentication.Authenticator(Settings(gateway_tokens=file))
    found.look()
    assert found.grant_of(f"Bearer {added[0]}").holder == "second"
