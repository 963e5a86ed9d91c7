"""`grid-router dead-letters list` and `show`, and the group of all dead-letter commands."""

from collections import deque
from typing import Annotated, Literal

import typer

from router.broker.server import bootstrap
from router.cli.dead_letters.options import Key, OfNetwork, Reason, ReportId, Since, Until, selection_of
from router.cli.dead_letters.redrive import redrive
from router.cli.dead_letters.repair import repair
from router.cli.dead_letters.view import as_json, as_text, history_json, print_list
from router.cli.text.output import Output, json_out, lines_out, say
from router.dead_letters.repair_log import RepairLog
from router.dead_letters.selection import DEAD_LETTERS, find_by_id, parse_id, read_matching
from router.kafka.blocking import open_consumer
from router.kafka.topic_lookup import find_topic
from router.kafka.topic_reader import bounds_since
from router.wire.codec import DeadLetter
from router.wire.settings import Settings
from router.wire.topic_names import Names

app = typer.Typer(no_args_is_help=True, help="Rejected records: list and show them, repair and redrive them.")


@app.command("list")
def list_(
    *,
    reason: Reason = None,
    network: OfNetwork = None,
    key: Key = None,
    report_id: ReportId = None,
    since: Since = None,
    until: Until = None,
    state: Annotated[
        Literal["open", "repaired", "redriven", "erased", "all"], typer.Option(help="Only those in this state.")
    ] = "all",
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the newest.")] = 200,
    output: Output = "text",
) -> None:
    """List the rejected records, oldest first.

    Example: grid-router dead-letters list --network policing --report-id J4109-0881
    """
    selection = selection_of(None, reason, network, since, until, key=key, report_id=report_id)
    settings = Settings()
    names = Names(settings.namespace)
    foreign = number = 0
    newest: deque[DeadLetter] = deque(maxlen=limit)
    with open_consumer(bootstrap(settings)) as consumer:
        topic = find_topic(consumer, DEAD_LETTERS, names)
        repair_log = RepairLog(consumer, names)
        for dead_letter in read_matching(consumer, bounds_since(consumer, topic, selection.since), selection):
            if dead_letter is None:
                foreign += 1
            elif state in ("all", repair_log.state(dead_letter.id)):
                newest.append(dead_letter)
                number += 1
    print_list([(dead_letter, repair_log.state(dead_letter.id)) for dead_letter in newest], output)
    if foreign:
        say(f"{foreign} records of {topic} are no dead letters: something else writes to it.")
    say(f"{number} dead letters, {len(newest)} shown.")


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="TOPIC/PARTITION/OFFSET of the rejected record.")],
    output: Output = "text",
) -> None:
    """Show one rejected record: reason, source, headers, original bytes, and history. Of an erased one only the history.

    Example: grid-router dead-letters show reports.policing/2/1041
    """
    settings = Settings()
    names = Names(settings.namespace)
    parse_id(id_)
    with open_consumer(bootstrap(settings)) as consumer:
        (dead_letter,) = find_by_id(consumer, find_topic(consumer, DEAD_LETTERS, names), [id_], names)
        repair_ = RepairLog(consumer, names).of([dead_letter.id])[dead_letter.id]
    if output == "json":
        json_out(as_json(dead_letter, repair_.state) | history_json(repair_))
    else:
        lines_out(*as_text(dead_letter, repair_).split("\n"))


app.command()(repair)
app.command()(redrive)
