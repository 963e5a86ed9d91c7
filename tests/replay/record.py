"""Record the golden histories: `python -m tests.replay.record [--full DIR] [HISTORY ...]`.

Writes `<history>.golden.json`. With `--full` it also writes every output as the wire has it to `DIR/<history>.jsonl`, for comparing two
versions of the code record by record; of the history of lives, what was decided about each event.
"""

import argparse
from pathlib import Path

import orjson

from tests.replay.golden import Watched, golden_file, write_golden
from tests.replay.life import replay as replay_life
from tests.replay.life_events import HISTORY, read_events
from tests.replay.sources import CITIES

HISTORIES = (*CITIES, HISTORY)


def record(city: str, full: Path | None) -> None:
    """Replay one history and write its golden file.

    Args:
        city: the history.
        full: folder for every output; None: none is written.
    """
    if city == HISTORY:
        write_golden(city, replay_life(read_events(), full))
        return
    watched = Watched(city)
    if full is None:
        for _ in watched.outputs():
            pass
    else:
        with (full / f"{city}.jsonl").open("wb") as lines:
            for output in watched.outputs():
                lines.write(orjson.dumps(output.wire()) + b"\n")
    write_golden(city, watched.golden())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.replay.record", description="Record the golden histories.")
    parser.add_argument("--full", type=Path, metavar="DIR", help="write every output to DIR/<history>.jsonl too")
    parser.add_argument(
        "histories", nargs="*", metavar="HISTORY", help=f"of {', '.join(HISTORIES)}; all if none is named"
    )
    asked = parser.parse_args()
    if asked.full is not None:
        asked.full.mkdir(parents=True, exist_ok=True)
    for name in asked.histories or HISTORIES:
        record(name, asked.full)
        print(golden_file(name).name)
