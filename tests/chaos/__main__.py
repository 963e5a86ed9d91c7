"""`make chaos`: load, one seeded fault a round, and an audit of every id at the end. Exit code 1 unless all are zero."""

import argparse
import logging
import shutil
import sys
import time
from pathlib import Path

import orjson

from tests.chaos.deployment import StuckError
from tests.chaos.report import as_json, lines, shortcomings
from tests.chaos.run import ReplayPlan, run
from tests.chaos.schedule import FROZEN_S, KINDS, schedule

HOME = Path(".grid-router/chaos")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=len(KINDS), help="faults; every kind comes once before any twice")
    parser.add_argument("--seed", type=int, default=1, help="of the faults and of the reports")
    parser.add_argument("--per-second", type=int, default=400, help="reports")
    parser.add_argument("--broker-frozen", type=float, default=FROZEN_S, help="seconds that the broker stands still")
    parser.add_argument("--only", choices=KINDS, action="append", help="these kinds only")
    parser.add_argument("--home", type=Path, default=HOME, help="folder of the run, made anew; kept for a look")
    parser.add_argument("--json", type=Path, help="write everything that was found here")
    arguments = parser.parse_args()
    if arguments.home.exists():
        shutil.rmtree(arguments.home)
    faults = schedule(
        arguments.rounds, arguments.seed, broker_frozen_s=arguments.broker_frozen, kinds=arguments.only or KINDS
    )
    plan = ReplayPlan(faults=faults, seed=arguments.seed, home=arguments.home, per_second=arguments.per_second)
    for client in ("aiokafka", "kafka"):  # a broker that is away is no news here
        logging.getLogger(client).setLevel(logging.CRITICAL)
    begun = time.monotonic()
    try:
        result = run(plan, lambda line: print(f"{time.monotonic() - begun:7.1f} s  {line}", flush=True))
    except StuckError as stuck:
        print(f"STUCK: {stuck}; logs in {arguments.home}/logs and {arguments.home}/third/logs")
        return 1
    print("\n" + "\n".join(lines(result)))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_bytes(orjson.dumps(as_json(plan, result), option=orjson.OPT_INDENT_2))
    return 0 if result.verdict.findings.sound and not shortcomings(result) else 1


if __name__ == "__main__":
    sys.exit(main())
