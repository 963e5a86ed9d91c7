"""`grid-router case show|why|history|verify`: describes the life of a case in sentences, and checks its journal."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import typer
from msgspec import to_builtins

from router.broker.server import bootstrap
from router.cities.decisions import read_decisions
from router.cli.case.reading import Wanted, read_life, wanted
from router.cli.exit_codes import CHECK_FAILED
from router.cli.published import read_published
from router.cli.text.output import Form, Output, json_out, lines_out, say
from router.domain.explanation.case_life import CaseLife, Decisions, Sentence
from router.domain.explanation.deadline import explain_due
from router.domain.explanation.history import explain_history
from router.domain.explanation.ladder import explain_next_step
from router.domain.explanation.merging import explain_merging
from router.domain.explanation.routing import explain_routing
from router.domain.explanation.summary import describe_case
from router.domain.explanation.verification import is_whole, verify
from router.domain.explanation.wording import Wording
from router.domain.model.case import Assignment, Case
from router.stream.faust_adapter import lenient_headers
from router.wire.errors import CityError
from router.wire.settings import Settings
from router.wire.topic_names import Names

app = typer.Typer(
    no_args_is_help=True, help="The life of a case: what it is, why, what happened, and whether that is whole."
)
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of a case, of one of its tasks, or of one of its reports.")]
Language = Annotated[
    Literal["en", "zh"], typer.Option("--language", "-l", help="Language of the sentences; JSON has both.")
]


@app.command()
def show(id_: Id, *, language: Language = "en", output: Output = "text") -> None:
    """Show what a case is now: incident, place, state, and who has it until when.

    Example: grid-router case show C-5e1b0c9b7c1f2a3d4e5f
    """
    life, decisions = _read(wanted(id_))
    _print(life.case, describe_case(life, Wording(decisions)), language, output)


@app.command()
def why(id_: Id, *, language: Language = "en", output: Output = "text") -> None:
    """Show why the reports were merged, why each department has its task, why it is due then, and who hears of it next.

    Deadlines are computed again from the rule set that the case names, and compared with the record. With the id of a task: about that task.

    Example: grid-router case why C-5e1b0c9b7c1f2a3d4e5f.1 --language zh
    """
    asked = wanted(id_)
    life, decisions = _read(asked)
    _print(life.case, _reasons(life, asked, decisions), language, output)


@app.command()
def history(id_: Id, *, language: Language = "en", output: Output = "text") -> None:
    """Show what happened to a case in order of time: reports, corrections, each change of a task with its cause, reminders and escalations.

    Example: grid-router case history policing:J4109-0881
    """
    asked = wanted(id_)
    life, decisions = _read(asked)
    sentences = [
        one for one in explain_history(life, Wording(decisions)) if asked.task is None or one.task in {asked.task, None}
    ]
    _print(life.case, sentences, language, output)


@app.command("verify")
def verify_(id_: Id, *, language: Language = "en", output: Output = "text") -> None:
    """Check the journal of a case: each transition has the hash of the one before, none is missing, and the tasks are what it says.

    Exit code 1 if something does not hold.

    Example: grid-router case verify C-5e1b0c9b7c1f2a3d4e5f
    """
    life = _life(wanted(id_))
    sentences = verify(life)
    _print(life.case, sentences, language, output)
    if not is_whole(sentences):
        raise typer.Exit(CHECK_FAILED)


def _life(asked: Wanted) -> CaseLife:
    lenient_headers.install()
    settings = Settings()
    return read_life(bootstrap(settings), Names(settings.namespace), settings.home, asked)


def _read(asked: Wanted) -> tuple[CaseLife, Decisions | None]:
    """The life of a case, and the rule set that it names."""
    life = _life(asked)
    return life, _decisions(life.case.rule_set)


def _decisions(version: str) -> Decisions | None:
    """What a published rule set says about departments and time. Says so on stderr if it cannot be read."""
    settings = Settings()
    records = read_published(bootstrap(settings), Names(settings.namespace).rule_sets)
    record = next((one for one in reversed(records) if one.version == version), None)
    if record is None:
        say(f"Rule set {version or '(none)'} is not published: departments have ids only, and times are UTC.")
        return None
    try:
        return read_decisions(record.texts, version)
    except CityError as error:
        say(f"{error} Departments have ids only, and times are UTC.")
        return None


def _reasons(life: CaseLife, asked: Wanted, decisions: Decisions | None) -> Iterable[Sentence]:
    """Why merged, then of each task why routed, why due then and what comes next; of one task only that."""
    case = life.case
    if asked.task is None:
        yield from explain_merging(case, Wording(decisions))
    for one in _tasks(case, asked):
        yield from explain_routing(case, one, decisions)
        yield from explain_due(case, one, decisions)
        yield from explain_next_step(case, one, decisions, life.escalations)


def _tasks(case: Case, asked: Wanted) -> list[Assignment]:
    return [one for one in case.assignments if asked.task in {None, one.task}]


def _print(case: Case, sentences: Iterable[Sentence], language: Literal["en", "zh"], output: Form) -> None:
    if output == "json":
        json_out(_as_json(case, list(sentences)))
        return
    lines_out(*(one.zh if language == "zh" else one.en for one in sentences))


def _as_json(case: Case, sentences: list[Sentence]) -> dict[str, Any]:
    return {"case": case.id, "revision": case.revision, "sentences": to_builtins(sentences)}
