"""`grid-router erase`: has the data of a person erased."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from router.broker.server import bootstrap
from router.cli.case.reading import Wanted, read_life, wanted
from router.cli.dead_letters.options import LONGEST_ACTOR, LONGEST_WHY
from router.cli.erase.carry_out import FOLD_S, CarryOut
from router.cli.erase.plan import Found, Row, rows, sources
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import Form, Output, json_out, say, table_out
from router.cli.text.sanitize import sanitize
from router.cli.text.timestamps import stamp
from router.dead_letters.actions import Attribution
from router.dead_letters.erasing import Subject, find
from router.dead_letters.redrive_producer import open_redrive_producer
from router.dead_letters.repair_log import RepairLog
from router.domain.explanation.case_life import CaseLife
from router.domain.model.erasure import Erased, Erasure
from router.kafka.blocking import open_consumer
from router.stream.faust_adapter import lenient_headers
from router.wire.errors import InputError
from router.wire.settings import Settings
from router.wire.topic_names import Names


def erase(
    id_: Annotated[
        str,
        typer.Argument(metavar="ID", help="Id of a case or of one of its tasks: all its reports. Or of one report."),
    ],
    *,
    actor: Annotated[str, typer.Option(help="Who you are; kept in the journal.")],
    reason: Annotated[str, typer.Option(help="The legal ground: one sentence without personal data; kept too.")],
    yes: Annotated[bool, typer.Option("--yes", help="Erase. Without it nothing is written.")] = False,
    output: Output = "text",
) -> None:
    """Erase the data of persons: texts, address, point, photos and references leave the case, its tasks, the archive, the journal, dead letters and repairs.

    Ids, times, matters, levels, stages and deadlines stay. Without --yes the command shows which topics have the data, and by when each has lost
    them. It cannot be undone. Exit code 1 if no worker has folded the request yet: run it again then.

    Example: grid-router erase policing:J4109-0881 --actor zhang.min --reason "PIPL article 47, consent withdrawn"
    """
    asked, by = (
        wanted(id_),
        Attribution(_text("--actor", actor, LONGEST_ACTOR), _text("--reason", reason, LONGEST_WHY), datetime.now(UTC)),
    )
    lenient_headers.install()
    settings = Settings()
    names, address = Names(settings.namespace), bootstrap(settings)
    if not yes:
        with open_consumer(address) as consumer:
            found = _find(settings, address, asked, by, RepairLog(consumer, names))
        _print(found, settings, by.at, output, done=False)
        return
    with open_redrive_producer(address, settings.namespace) as producer, open_consumer(address) as consumer:
        repair_log = RepairLog(consumer, names, must_exist=True)
        found = _find(settings, address, asked, by, repair_log)
        look = lambda: read_life(address, names, settings.home, asked)  # noqa: E731 - it closes over four names
        carry_out = CarryOut(names=names, producer=producer, repair_log=repair_log, look=look)
        folded = found.is_done or carry_out.run(found, by)
    _print(found, settings, by.at, output, done=True)
    if not folded:
        say(
            f"No worker has folded the request within {FOLD_S:.0f} s; it is in the log. Start workers, and run this again for the journal."
        )
        raise typer.Exit(CHECK_FAILED)


def _text(option: str, text: str, longest: int) -> str:
    """Raises InputError when a text is empty, too long or not printable on one line: it is kept for ten years, and cannot be erased."""
    if not text.strip() or len(text) > longest or sanitize(text) != text:
        what = f"needs 1 to {longest} printable characters on one line"
        raise InputError(what, where=option, hint="say it in a few words, without the data that you erase")
    return text.strip()


def _find(settings: Settings, address: str, asked: Wanted, by: Attribution, repair_log: RepairLog) -> Found:
    """The case and the dead letters. Raises InputError if there are none."""
    names, life, unknown = Names(settings.namespace), None, None
    try:
        life = read_life(address, names, settings.home, asked)
    except InputError as error:
        if asked.report is None:
            raise
        unknown = error
    reports = () if asked.report is None else (asked.report,)
    case = None if life is None else life.case
    subject = Subject(reports=sources(case, reports), case=None if asked.report or case is None else case.id)
    with open_consumer(address) as reader:
        dead_letters = find(reader, names, subject)
    if unknown is not None and not dead_letters:
        raise unknown
    repairs = repair_log.of([one.id for one in dead_letters])
    return Found(
        life=life,
        erasure=None if life is None else _request(life, reports, by),
        dead_letters=tuple(dead_letters),
        repairs=tuple([one for one in repairs.values() if one.state != "erased"]),
    )


def _request(life: CaseLife, reports: tuple[str, ...], by: Attribution) -> Erasure:
    case = life.case
    return Erasure(
        id=f"{case.id}/{by.at.isoformat()}",
        case=case.id,
        at=by.at,
        actor=by.actor,
        reason=by.why,
        partition_key=case.partition_key,
        reports=reports,
    )


def _print(found: Found, settings: Settings, now: datetime, output: Form, *, done: bool) -> None:
    """Which topic has what, and by when it has lost it."""
    made = rows(found, settings, now)
    if output == "json":
        for row in made:
            json_out(_as_json(row))
    elif made:
        table_out(["topic", "what", "leaves by", "until"], [_cells(row) for row in made])
    mark = _last(found)
    if found.is_done:
        by = f" by {mark.actor} on {stamp(mark.at)}: {mark.reason}" if mark else ""
        say(f"Nothing is left to erase: it was erased{by}.")
    elif done:
        say("Erased. Each topic has lost the data by the instant in its line.")
    else:
        say("Nothing was written. The same command with --yes erases this; it cannot be undone.")


def _last(found: Found) -> Erased | None:
    """The latest request that the reports remember."""
    reports = found.life.case.reports if found.life is not None else ()
    marks = [one.says.erased for one in reports if one.says is not None and one.says.erased is not None]
    return max(marks, key=lambda mark: mark.at, default=None)


def _cells(row: Row) -> list[str]:
    return [row.topic, row.what, row.leaves_by, stamp(row.until)]


def _as_json(row: Row) -> dict[str, str]:
    return {"topic": row.topic, "what": row.what, "leaves_by": row.leaves_by, "until": stamp(row.until)}
