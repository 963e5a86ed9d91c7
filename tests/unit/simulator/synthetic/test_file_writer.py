"""`grid-router simulate`, its files, and the errors of an invalid simulation.yaml."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from router.cities.folder import city_folder
from router.cli.main import app
from router.simulator.messages import rfc3339
from router.simulator.synthetic.file_writer import COLUMNS, write_files
from router.simulator.synthetic.simulation import FILE, check
from router.simulator.synthetic.stream import message_batches, messages, read_simulation
from router.wire.errors import CityError, InputError
from tests.support.synthetic import drawn, puyang, simulation, stream


def written(folder: Path, seed: int = 7) -> Path:
    generator, batches = message_batches(puyang(), simulation(), days=0.6, seed=seed, noise=1, rate=None)
    write_files(generator, batches, folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("simulated"))


def test_the_files_have_the_messages_of_the_stream(folder: Path) -> None:
    every = stream(days=0.6)
    for network in puyang().codes:
        sent = [one for one in every if one.network == network]
        values = (folder / f"reports.{network}.jsonl").read_bytes().split(b"\n")[:-1]
        keys = (folder / f"reports.{network}.keys").read_text("ascii").splitlines()
        assert values == [one.value for one in sent]
        assert keys == [f"{one.source_id}\t{one.received_at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z" for one in sent]


def test_the_truth_is_in_its_own_file(folder: Path) -> None:
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert tuple(rows[0]) == COLUMNS == ("report", "incident", "matter", "cell", "storm", "late", "kind", "owner")
    for row, one in zip(rows, stream(days=0.6), strict=True):
        assert (row["report"], row["kind"]) == (one.report, one.kind)
        assert (row["incident"] or None, row["owner"] or None) == (one.incident, one.owner)
        assert (row["storm"], row["late"]) == (str(int(one.storm)), str(int(one.late)))
        if one.kind == "malformed":
            assert (row["matter"], row["cell"]) == ("", "")
        else:
            assert row["matter"] in puyang().catalogue.matters
            assert row["cell"] in puyang().cells.cells


def test_the_networks_files_have_no_truth(folder: Path) -> None:
    for file in folder.glob("reports.*"):
        assert b"incident-" not in file.read_bytes()


def test_another_simulation_replaces_the_first(tmp_path: Path, folder: Path) -> None:
    again = written(tmp_path / "a" / "b", seed=8)
    assert (again / "truth.csv").read_bytes() != (folder / "truth.csv").read_bytes()
    written(again)
    for file in sorted(folder.iterdir()):
        assert (again / file.name).read_bytes() == file.read_bytes()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"the folder has other files; name an empty folder"):
        written(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_the_command(tmp_path: Path) -> None:
    arguments = ["simulate", "puyang", "--days", "0.5", "--seed", "7", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*arguments, "-o", "json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    sent = stream(days=0.5)
    assert said["messages"] == len(sent) == sum(said["networks"].values()) == sum(said["kinds"].values())
    assert said["kinds"]["malformed"] == sum(one.kind == "malformed" for one in sent)
    assert said["bytes"] == sum(len(one.value) + 1 for one in sent)
    as_text = CliRunner().invoke(app, arguments)
    assert as_text.exit_code == 0
    assert "urban-management" in as_text.stdout
    assert "messages/s" in as_text.stderr


def test_the_command_takes_the_noise(tmp_path: Path) -> None:
    arguments = ["simulate", "puyang", "--days", "0.2", "--noise", "0", "--out", str(tmp_path), "-o", "json"]
    said = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert {kind for kind, number in said["kinds"].items() if number} == {"simulated"}


def test_few_messages_are_written(tmp_path: Path) -> None:
    generator, batches = message_batches(puyang(), simulation(), days=0.001, seed=7, noise=1, rate=None)
    assert write_files(generator, batches, tmp_path).messages == len(drawn(days=0.001)[1]) < 10


def test_a_city_without_a_simulation() -> None:
    with pytest.raises(CityError, match=r"los-angeles/simulation.yaml:1:1: GR005 the file is missing"):
        read_simulation(city_folder("los-angeles"))


def wrong(tmp_path: Path, old: str, new: str) -> Path:
    """The simulation of Puyang with one text replaced."""
    text = (city_folder("puyang") / FILE).read_text("utf-8")
    assert text.count(old) == 1
    (tmp_path / FILE).write_text(text.replace(old, new), "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("scale: 0.42 ", "scale: 0 ", r":3:8: GR003 `scale`: input should be greater than 0"),
        ("quota: {last_days", "qouta: {last_days", r"GR005 `quota` is missing.*1 more"),
        ("factor: 30", "fcator: 30", r"GR005 `storms.factor` is missing"),
        ("hours: evening", "hours: night", r"networks.environment.hours: there is no profile 'night'"),
        ("hours: [1, 3]", "hours: [3, 1]", r"`storms.hours`: the first of the two must not be above the second"),
        ("redelivered: 0.01", "redelivered: 1.01", r"`errors.redelivered`: input should be less than or equal to 1"),
    ],
)
def test_an_invalid_simulation_is_reported_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(CityError, match=rf"{FILE}:[0-9]+:[0-9]+: .*{said}|{FILE}{said}"):
        read_simulation(wrong(tmp_path, old, new))


def test_a_matter_without_code_is_a_finding(tmp_path: Path) -> None:
    folder = wrong(tmp_path, "      move-vehicle: 20\n", "      moving-vehicle: 20\n")
    made = read_simulation(folder)
    (finding,) = check(made, puyang())
    line = (folder / FILE).read_text("utf-8").splitlines().index("      moving-vehicle: 20") + 1
    assert (finding.line, finding.column) == (line, 7)
    assert finding.message == "network 'policing' has no code for matter 'moving-vehicle'"
    with pytest.raises(CityError, match="has no code for matter 'moving-vehicle'"):
        messages(puyang(), made, reports=1, days=None, seed=1)


def test_a_network_without_a_form_is_a_finding(tmp_path: Path) -> None:
    (finding,) = check(read_simulation(wrong(tmp_path, "  litigation-services:\n", "  hotline:\n")), puyang())
    assert finding.message == "no message form exists for network 'hotline'"


def test_a_storm_of_an_unknown_matter_is_a_finding(tmp_path: Path) -> None:
    (finding,) = check(read_simulation(wrong(tmp_path, "{road-flooding: 5,", "{locusts: 5,")), puyang())
    assert finding.message == "'locusts' is not a matter of the city"


def test_a_home_of_an_unknown_group_is_a_finding(tmp_path: Path) -> None:
    (finding,) = check(read_simulation(wrong(tmp_path, "groups: [special-groups,", "groups: [ghosts,")), puyang())
    assert (finding.message, finding.column) == ("'ghosts' is not a group of the city's matters", 12)


def test_a_simulation_may_be_in_another_folder_than_its_city(tmp_path: Path) -> None:
    """Everything of the folder that is read is copied; the sent times are those of the first day there."""
    shutil.copytree(city_folder("puyang") / "cells", tmp_path / "cells")
    made = read_simulation(wrong(tmp_path, "first_day: 2026-03-02 ", "first_day: 2026-04-01 "))
    first = next(messages(puyang(), made, reports=1, days=None, seed=7))
    assert rfc3339(first.received_at).startswith("2026-03-31T16:")  # midnight in Shanghai
