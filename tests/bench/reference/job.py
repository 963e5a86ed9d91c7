"""The reference job: the rules, the input, and the topics of one run. Imports only msgspec.

`raw` -> normalise -> `grid` -> merge -> `cases`, `dispatch`; invalid records -> `dlq`. README.md has all rules.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

PARTITIONS = 4
"""Partitions of every topic of the job."""
MAX_REPORTS = 8
"""Maximum number of reports in a case; the next one opens another case."""
SEED = 1
REMEMBERED = 50_000
"""A redelivery repeats one of this number of latest valid reports."""
CELLS = 9_000
NETWORKS = ("policing", "hotline", "sensor")
TEXTS = (
    "沿街商铺占道经营,影响通行,请处理",
    "路灯不亮,夜间行走不便",
    "井盖破损,存在安全隐患",
    "垃圾堆积未清运,气味大",
)
Name = Annotated[str, Meta(min_length=1, max_length=64)]


class Raw(Struct, gc=False):
    """A report of a network; every field is validated."""

    source_id: Name
    network: Annotated[str, Meta(min_length=1, max_length=32)]
    reported_at: Annotated[datetime, Meta(tz=True)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    lat: Annotated[float, Meta(ge=-90, le=90)]
    cell: Annotated[str, Meta(pattern=r"^[0-9]{15}$", max_length=15)]
    category: Annotated[str, Meta(min_length=1, max_length=16)]
    text: Annotated[str, Meta(max_length=2000)]
    reporter: Name
    severity: Annotated[int, Meta(ge=0, le=5)]


class Event(Struct, gc=False):
    """The canonical event on `grid`, keyed by cell."""

    id: str
    cell: str
    cat: str
    t: datetime
    lon: float
    lat: float
    sev: int
    reporter: str
    text: str


class Rejected(Struct, gc=False):
    """A record of `dlq`."""

    reason: str
    raw: str


class Case(Struct, gc=False):
    """A record of `cases`, keyed by case id, which is the id of its first report."""

    case: str
    cell: str
    cat: str
    reports: list[str]
    state: str
    dept: str
    opened: datetime
    lon: float
    lat: float
    text: str


class Dispatch(Struct, gc=False):
    """A record of `dispatch`, keyed by cell: one a case."""

    case: str
    cell: str
    dept: str
    opened: datetime
    text: str


encode: Callable[[object], bytes] = msgspec.json.Encoder().encode
decode_raw = msgspec.json.Decoder(Raw).decode
decode_event = msgspec.json.Decoder(Event).decode
decode_case = msgspec.json.Decoder(Case).decode


def normalise(value: bytes) -> Event | Rejected:
    """Stage 1: validate every field."""
    try:
        raw = decode_raw(value)
    except msgspec.MsgspecError as error:
        return Rejected(str(error)[:200], value.decode("utf-8", "replace"))
    return Event(
        f"{raw.network}:{raw.source_id}",
        raw.cell,
        raw.category,
        raw.reported_at,
        raw.lon,
        raw.lat,
        raw.severity,
        raw.reporter,
        raw.text,
    )


def open_case(event: Event) -> Case:
    """Stage 2: open a case with its first report."""
    cell = event.cell
    return Case(
        event.id,
        cell,
        event.cat,
        [event.id],
        "dispatched",
        f"dept{cell[-1]}",
        event.t,
        event.lon,
        event.lat,
        event.text,
    )


def dispatch_of(case: Case) -> Dispatch:
    """Stage 2: the dispatch record of a new case."""
    return Dispatch(case.case, case.cell, case.dept, case.opened, case.text)


class Made(NamedTuple):
    """One record of `raw` with its ground truth, which contenders never see."""

    key: bytes
    value: bytes
    id: str | None
    """Id of the report; None when the record is invalid."""
    cell: str
    category: str


def made(number: int, seed: int = SEED) -> Iterator[Made]:
    """Generate records: 10 % are exact redeliveries, 1 % are invalid. Equal arguments give equal records."""
    random = Random(seed)
    cells = [_cell(random) for _ in range(CELLS)]
    latest: list[Made] = []
    for index in range(number):
        share = random.random()
        if share < 0.10 and latest:
            yield latest[random.randrange(len(latest))]
            continue
        report = _report(index, seed, random, cells)
        if share < 0.11:
            yield _invalid(report, index)
            continue
        one = Made(
            report["cell"].encode(),
            encode(report),
            f"{report['network']}:{report['source_id']}",
            report["cell"],
            report["category"],
        )
        if len(latest) < REMEMBERED:
            latest.append(one)
        else:
            latest[index % REMEMBERED] = one
        yield one


def _cell(random: Random) -> str:
    street, community = f"41090{random.randint(1, 7)}{random.randint(1, 91):03d}", f"{random.randint(1, 300):03d}"
    return f"{street}{community}{random.randint(1, 20):03d}"


def _report(index: int, seed: int, random: Random, cells: list[str]) -> dict:
    cell, second = random.choice(cells), index % 86400
    return {
        "source_id": f"p{seed}-{index}",
        "network": NETWORKS[index % 3],
        "reported_at": f"2026-11-24T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}+08:00",
        "lon": 115.03 + random.random() / 10,
        "lat": 35.7 + random.random() / 10,
        "cell": cell,
        "category": f"010{random.randint(1, 4)}",
        "text": TEXTS[random.randrange(4)],
        "reporter": f"w{random.randint(1, 3000)}",
        "severity": random.randint(0, 5),
    }


def _invalid(report: dict, index: int) -> Made:
    """Truncated JSON, a wrong character in the cell, or no network."""
    cell, category = report["cell"], report["category"]
    value = encode(report)[:-7]
    if index % 3 == 1:
        value = encode(report | {"cell": f"{cell[:14]}x"})
    elif index % 3 == 2:
        value = encode({name: content for name, content in report.items() if name != "network"})
    return Made(cell.encode(), value, None, cell, category)


class Run(NamedTuple):
    """Topics and folders of one run; passed to the contender in its environment."""

    kafka: str
    prefix: str
    """Prefix of topics, groups and transactional ids; ends with a dot."""
    raw: str
    folder: str
    """A separate folder, empty at first."""

    @classmethod
    def here(cls) -> "Run":
        """The run of this process, read from its environment."""
        return cls(*(os.environ[f"BENCH_{field.upper()}"] for field in cls._fields))

    def environment(self) -> dict[str, str]:
        """The variables that `here` reads."""
        return {f"BENCH_{field.upper()}": value for field, value in zip(self._fields, self, strict=True)}

    @property
    def grid(self) -> str:
        return f"{self.prefix}grid"

    @property
    def cases(self) -> str:
        return f"{self.prefix}cases"

    @property
    def dispatch(self) -> str:
        return f"{self.prefix}dispatch"

    @property
    def dlq(self) -> str:
        return f"{self.prefix}dlq"


class First:
    """Prints once when the first input record was fetched, which starts the clock of the run."""

    printed = False

    def __call__(self) -> None:
        if not self.printed:
            self.printed = True
            print(f"FIRST {time.time():.4f}", file=sys.__stdout__, flush=True)


first = First()
