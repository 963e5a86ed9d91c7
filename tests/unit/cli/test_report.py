"""`grid-router report check`: what the router would do with a file of reports, before anything is sent."""

import json
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.cities.folder import load_city
from router.cli import main as entry
from router.cli.report import checking
from router.cli.report.checking import checked, network_of, records_of
from router.wire.errors import InputError
from tests.support.cities import shipped
from tests.support.samples import FOLDER, NAMES, sample

CITY = "puyang"
city = cache(partial(load_city, CITY))
Check = Callable[..., tuple[int, str, str]]
ALARM = json.loads(sample("policing").text)


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """The command; exit code, stdout and stderr. It must not need a broker."""
    monkeypatch.setenv("GRID_ROUTER_KAFKA", "127.0.0.1:1")

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["grid-router", "report", "check", *map(str, arguments)])
        code = 0
        try:
            entry.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def lines(*reports: dict[str, Any] | str) -> bytes:
    return b"".join((one.encode() if isinstance(one, str) else orjson.dumps(one)) + b"\n" for one in reports)


def test_each_record_has_its_outcome(check: Check, tmp_path: Path) -> None:
    """Accepted, corrected, sent twice, an impossible time, no JSON: in the order of the file, by its lines."""
    corrected = ALARM | {"bjnr": "another text"}
    file = tmp_path / "reports.policing.jsonl"
    file.write_bytes(
        b"\n" + lines(ALARM, corrected, corrected, ALARM | {"jjdbh": "J-2", "bjsj": "20260230000000"}, "{oops")
    )
    code, out, err = check(file, "--city", CITY, "-o", "json")
    found = [json.loads(line) for line in out.splitlines()]
    assert [(one["record"], one["outcome"]) for one in found] == [
        (2, "accepted"),
        (3, "updated"),
        (4, "redelivered"),
        (5, "rejected"),
        (6, "rejected"),
    ]
    first, _, _, time, broken = found
    assert first["id"] == ALARM["jjdbh"]
    assert first["cell"] in city().cells.cells
    assert first["matter"] in city().catalogue.matters
    assert first["lead"].split("/")[0] in city().catalogue.departments
    assert (time["id"], time["code"]) == ("J-2", "bad-time")
    assert time["reason"].startswith("field `bjsj`: ")
    assert (broken["code"], "id" in broken) == ("not-json", False)
    assert code == 1
    version = city().rule_set
    assert err == (
        f"{file}: 1 accepted, 1 updated, 1 redelivered, 2 rejected; rule set {version} of {CITY}, nothing was sent.\n"
    )


def test_the_key_is_the_id_that_the_router_reads(check: Check, tmp_path: Path) -> None:
    """In an envelope that no header declares, and beside a NaN, which the router takes: neither is `wrong-key`."""
    event = {"specversion": "1.0", "type": "t", "source": "/s", "id": "e-1", "data": ALARM}
    file = tmp_path / "policing.jsonl"
    file.write_bytes(lines(event, json.dumps(ALARM | {"jjdbh": "J-2", "q": float("nan")})))
    code, out, _ = check(file, "--city", CITY, "-o", "json")
    found = [json.loads(line) for line in out.splitlines()]
    assert [(one["outcome"], one["id"]) for one in found] == [("accepted", ALARM["jjdbh"]), ("accepted", "J-2")]
    assert code == 0


def test_a_byte_that_is_not_utf8_is_named(check: Check, tmp_path: Path) -> None:
    """In a file of lines and in one JSON object that is written over several lines."""
    for name, content in (("policing.jsonl", b'{"jjdbh":"\xff"}\n'), ("policing.json", b'{"jjdbh":"\xff"}\n{}\n')):
        file = tmp_path / name
        file.write_bytes(content)
        code, out, _ = check(file, "--city", CITY, "-o", "json")
        assert (json.loads(out.splitlines()[0])["code"], code) == ("not-utf8", 1)


def test_the_text_has_a_line_for_each_record(check: Check, tmp_path: Path) -> None:
    file = tmp_path / "policing.jsonl"
    file.write_bytes(lines(ALARM, ALARM, '{"jjdbh": "\\u001b[2J"}'))
    code, out, _ = check(file, "--city", CITY)
    first, second, third = out.splitlines()
    assert first.startswith(f"1  {ALARM['jjdbh']}  accepted  ")
    assert second == f"2  {ALARM['jjdbh']}  redelivered  same as an earlier record of the file"
    assert third.startswith("3  \ufffd[2J  rejected  bad-id: field `jjdbh`: ")
    assert code == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_is_read_and_its_network_is_in_its_name(name: str) -> None:
    """Some samples have codes of another city."""
    file = FOLDER / f"{name}.json"
    network = network_of(file, None)
    assert network == sample(name).network
    (one,) = checked(network, records_of(file), sample(name).headers, city())
    assert (one.outcome, one.code) in {("accepted", None), ("rejected", "unknown-code")}
    assert one.id is not None


def test_without_its_charset_the_same_file_is_rejected_with_the_hint(check: Check) -> None:
    code, out, _ = check(FOLDER / "petitions-gb18030.json", "--city", CITY)
    assert code == 1
    assert "GB18030" in out


def test_nothing_rejected_means_exit_0(check: Check) -> None:
    assert check(FOLDER / "policing.json", "--city", CITY)[0] == 0


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("policing.json", "policing"),
        ("reports.urban-management.jsonl", "urban-management"),
        ("petitions-gb18030.json", "petitions"),
        ("work-safety_2026-11.ndjson", "work-safety"),
        ("hotline", "hotline"),
    ],
)
def test_the_network_is_at_the_beginning_of_the_name(name: str, network: str) -> None:
    assert network_of(Path("/a/b") / name, None) == network
    assert network_of(Path(name), "environment") == "environment"


@pytest.mark.parametrize("name", ["reports.jsonl", "policingx.json", "a-policing.json", ".json"])
def test_a_name_without_a_network_raises_with_all_names(name: str) -> None:
    with pytest.raises(InputError, match="does not begin with a network; choose one of policing"):
        network_of(Path(name), None)
    with pytest.raises(InputError, match=r"--network: there is no network 'x\\x1b'"):
        network_of(Path(name), "x\x1b")


@pytest.mark.parametrize(
    ("name", "content", "records"),
    [
        ("a.jsonl", b"1\r\n\n2\n", [(1, b"1"), (3, b"2")]),
        ("a.ndjson", b"{\n", [(1, b"{")]),
        ("a.json", b' {\n  "a": 1\n}\n', [(1, b'{\n  "a": 1\n}')]),
        ("a.json", b'{"a": 1}\n{"a": 2}', [(1, b'{"a": 1}'), (2, b'{"a": 2}')]),
        ("a.json", b"{oops\n}", [(1, b"{oops\n}")]),
        ("a", b"[" * 100_000 + b"\n1", [(1, b"[" * 100_000 + b"\n1")]),
    ],
)
def test_a_file_is_one_record_or_has_one_a_line(
    name: str, content: bytes, records: list[tuple[int, bytes]], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    assert records_of(tmp_path / name) == records


def test_a_file_that_cannot_be_checked_raises_one_sentence(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "policing.json"
    empty.write_bytes(b"\n \n")
    with pytest.raises(InputError, match="there is no record in it"):
        records_of(empty)
    with pytest.raises(InputError, match="cannot be read"):
        records_of(tmp_path)
    monkeypatch.setattr(checking, "MAX_FILE_BYTES", 2)
    with pytest.raises(InputError, match="check it in parts"):
        records_of(empty)
    code, out, err = check(empty, "--city", "seattle", "--network", "mediation")
    assert (code, out) == (2, "")
    networks = ", ".join(sorted(shipped("seattle").codes))
    hint = f"choose one of {networks}, or add codes/mediation.csv."
    assert err == f"--network: the city seattle does not have the network mediation; {hint}\n"


def test_a_defect_of_a_translator_is_one_record_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("router.domain.intake.admit.normalise", fails)
    (one,) = checked("policing", [(1, b"{}")], [], city())
    assert (one.outcome, one.code) == ("rejected", "defect")
