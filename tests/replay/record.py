"""Record the golden histories: `python -m tests.replay.record [--full DIR] [CITY ...]`.

Writes `<city>.golden.json`. With `--full` it also writes every output as the wire has it to `DIR/<city>.jsonl`, for comparing two
versions of the code record by record.
"""

import argparse
from pathlib import Path

import orjson

from tests.replay.golden import Watched, golden_file, write_golden
from tests.replay.sources import CITIES


def record(city: str, full: Path | None) -> None:
    """Replay one history and write its golden file.

    Args:
        city: whose history.
        full: folder for every output; None: none is written.
    """
    watched = Watched(city)
    if full is None:
        for _ in watched.outputs():
            pass
    else:
        full.mkdir(parents=True, exist_ok=True)
        with (full / f"{city}.jsonl").open("wb") as lines:
            for output in watched.outputs():
                lines.write(orjson.dumps(output.wire()) + b"\n")
    write_golden(city, watched.golden())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.replay.record", description="Record the golden histories.")
    parser.add_argument("--full", type=Path, metavar="DIR", help="write every output to DIR/<city>.jsonl too")
    parser.add_argument("cities", nargs="*", metavar="CITY", help=f"of {', '.join(CITIES)}; all if none is named")
    asked = parser.parse_args()
    for name in asked.cities or CITIES:
        record(name, asked.full)
        print(golden_file(name).name)
