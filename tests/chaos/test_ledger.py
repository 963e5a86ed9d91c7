"""The ledger has the expected outcome of every report before the report is sent."""

from pathlib import Path

from msgspec.structs import replace

from tests.chaos.ledger import Ledger, read_ledger
from tests.support.synthetic import puyang, stream


def test_the_ledger_predicts_versions_redeliveries_and_rejections(tmp_path: Path) -> None:
    city = puyang()
    first, other = [one for one in stream(reports=50, noise=0) if one.network == "policing"][:2]
    corrected = replace(first, value=first.value.replace(b'"bjnr":"', b'"bjnr":"!'))
    malformed = replace(first, value=b"{")
    assert corrected.value != first.value
    ledger = Ledger(tmp_path / "ledger", city)
    ledger.enter([first, other])
    ledger.enter([first, corrected, malformed, corrected, first, malformed])
    entries, kept, gone = read_ledger(tmp_path / "ledger")
    assert gone == []
    assert kept == {}
    assert [(entry.outcome, entry.version) for entry in entries] == [
        ("case", 1),
        ("case", 1),
        ("redelivered", 0),
        ("update", 2),
        ("dead letter", 0),
        ("redelivered", 0),
        ("update", 3),
        ("dead letter", 0),
    ]
    assert [entry.code for entry in entries if entry.outcome == "dead letter"] == ["not-json", "not-json"]
    assert entries[3].home == entries[0].cell == entries[3].cell
    ledger.acknowledge(2, "reports.policing", 1, 17)
    ledger.close()
    assert read_ledger(tmp_path / "ledger").kept[2].address == ("reports.policing", 1, 17)
