"""`make chaos`: a load, one seeded fault a round, then an audit of every id. Exit code 1 unless every count is zero."""

import argparse
import logging
import shutil
import sys
import time
from pathlib import Path

import orjson

from router.wire.private_files import write_private
from tests.chaos.report import as_json, failures, lines
from tests.chaos.run import ReplayPlan, run
from tests.chaos.schedule import CLUSTER_KINDS, FROZEN_S, KINDS, kinds_of, schedule
from tests.chaos.small_disk import possible

HOME = Path(".grid-router/chaos")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, help="number of faults; default: every kind once, before one repeats")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1, help="brokers of the cluster")
    parser.add_argument("--secure", action="store_true", help="TLS, users and access rights; no fault `requests late`")
    parser.add_argument("--seed", type=int, default=1, help="seed of the faults and the reports")
    parser.add_argument("--per-second", type=int, default=400, help="reports a second")
    parser.add_argument("--broker-frozen", type=float, default=FROZEN_S, help="seconds that the broker is stopped")
    parser.add_argument(
        "--only", choices=(*KINDS, *CLUSTER_KINDS), action="append", help="only this kind of fault; may be repeated"
    )
    parser.add_argument("--late", type=float, help="seconds of late requests in a round; 10 to 15 without it")
    parser.add_argument(
        "--partitions", type=int, default=4, help="partitions of each topic: more make more transactions"
    )
    parser.add_argument(
        "--home", type=Path, default=HOME, help="folder of the run; it is deleted first and kept afterwards"
    )
    parser.add_argument("--json", type=Path, help="write all results to this file")
    arguments = parser.parse_args()
    if arguments.home.exists():
        shutil.rmtree(arguments.home)
    kinds = arguments.only or kinds_of(arguments.brokers)
    if "disk full" in kinds and not possible():
        kinds = [kind for kind in kinds if kind != "disk full"]
        print("No fault `disk full`: only root can mount a disk that is full.")
    if arguments.secure and "requests late" in kinds:
        kinds = [kind for kind in kinds if kind != "requests late"]
        print("No fault `requests late`: the proxy cannot read what is encrypted.")
    rounds = arguments.rounds or len(kinds)
    faults = schedule(
        rounds, arguments.seed, broker_frozen_s=arguments.broker_frozen, late_s=arguments.late, kinds=kinds
    )
    plan = ReplayPlan(
        faults=faults,
        seed=arguments.seed,
        home=arguments.home,
        per_second=arguments.per_second,
        brokers=arguments.brokers,
        secured=arguments.secure,
        partitions=arguments.partitions,
    )
    for client in ("aiokafka", "kafka"):  # an unavailable broker is expected here
        logging.getLogger(client).setLevel(logging.CRITICAL)
    begun = time.monotonic()
    result = run(plan, lambda line: print(f"{time.monotonic() - begun:7.1f} s  {line}", flush=True))
    print("\n" + "\n".join(lines(result)))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        write_private(arguments.json, orjson.dumps(as_json(plan, result), option=orjson.OPT_INDENT_2))
    return 0 if result.verdict.findings.sound and not failures(result) else 1


if __name__ == "__main__":
    sys.exit(main())
