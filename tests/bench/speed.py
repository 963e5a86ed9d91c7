"""`python -m tests.bench speed`: one table of the reference job and the full product, each contender alone on one core."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import orjson

from router.wire.settings import Settings
from tests.bench import product
from tests.bench.figures import Figure, rows, table
from tests.bench.reference import contenders, contest
from tests.bench.reference.installed import NotInstalledError
from tests.bench.stopwatch import UnfinishedError

QUICK_REPORTS, QUICK_PLAIN = 100_000, 5_000


class Entry(NamedTuple):
    """One contender on one input."""

    name: str
    table: str
    reports: int
    run: Callable[[], Figure]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "--reference-reports",
        type=int,
        nargs="*",
        default=[400_000],
        help="records of the reference job; several numbers run one after the other",
    )
    parser.add_argument("--reports", type=int, default=300_000, help="reports of the full product; 0 leaves it out")
    parser.add_argument(
        "--plain-reports", type=int, default=10_000, help="reports of plain Faust with the product's domain work"
    )
    parser.add_argument(
        "--runs", type=int, default=3, help="rounds; contenders take turns in each; the table shows medians"
    )
    known = [one.key for one in (*contenders.ALL, *product.ALL)]
    parser.add_argument("--only", nargs="*", metavar="NAME", choices=known, help=f"of {', '.join(known)}")
    parser.add_argument(
        "--quick", action="store_true", help="small inputs, one round: does everything run, and is the output correct?"
    )
    parser.add_argument("--json", type=Path, default=None, help="default: bench/speed.json in the home folder")


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure, print, write. Returns 1 when an output is wrong or a contender failed."""
    if arguments.quick:
        arguments.reference_reports, arguments.runs = [QUICK_REPORTS], 1
        arguments.reports, arguments.plain_reports = QUICK_REPORTS, QUICK_PLAIN
    figures: list[Figure] = []
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        entries = [*_reference(arguments, settings, stack), *_product(arguments, settings)]
        for _ in range(arguments.runs):
            for entry in entries:
                if entry.name not in missing:
                    _take(entry, figures, missing)
    _show(entries, figures, missing)
    path = arguments.json or settings.home / "bench" / "speed.json"
    path.write_bytes(
        orjson.dumps({"rows": [row.as_json() for row in rows(figures)], "missing": missing}, option=orjson.OPT_INDENT_2)
    )
    failed = any(not reason.startswith("not installed") for reason in missing.values())
    return 1 if failed or any(figure.faults for figure in figures) else 0


def _take(entry: Entry, figures: list[Figure], missing: dict[str, str]) -> None:
    try:
        figure = entry.run()
    except NotInstalledError as error:
        missing[entry.name] = f"not installed: {error}"
    except UnfinishedError as error:
        missing[entry.name] = f"did not finish: {error}"
    else:
        figures.append(figure)
        result = "; ".join(figure.faults) or "correct"
        print(f"{figure.name}, {figure.reports:,}: {figure.rate:,.0f} reports/s, {result}", file=sys.stderr, flush=True)


def _wanted(key: str, only: Sequence[str] | None) -> bool:
    return not only or key in only


def _reference(arguments: argparse.Namespace, settings: Settings, stack: ExitStack) -> list[Entry]:
    entries = []
    wanted = [one for one in contenders.ALL if _wanted(one.key, arguments.only)]
    for number in arguments.reference_reports:
        for size in sorted({min(number, one.most or number) for one in wanted}, reverse=True):
            job = stack.enter_context(contest.filled(str(settings.kafka), size))
            entries += [
                Entry(one.name, "reference job", size, lambda one=one, job=job: contest.contend(one, job, settings))
                for one in wanted
                if min(number, one.most or number) == size
            ]
    return entries


def _product(arguments: argparse.Namespace, settings: Settings) -> list[Entry]:
    entries = []
    for one in product.ALL:
        reports = arguments.plain_reports if one.key == "plain" else arguments.reports
        if reports and arguments.reports and _wanted(one.key, arguments.only):
            run = lambda one=one, reports=reports: product.contend(one, reports, settings)  # noqa: E731
            entries.append(Entry(one.name, "full product", reports, run))
    return entries


def _show(entries: list[Entry], figures: list[Figure], missing: dict[str, str]) -> None:
    for title in dict.fromkeys(entry.table for entry in entries):
        names = {entry.name for entry in entries if entry.table == title}
        measured = rows(figure for figure in figures if figure.name in names)
        for line in table(title, measured) if measured else ():
            print(line)
    for name, reason in missing.items():
        print(f"{name}: {reason}")
