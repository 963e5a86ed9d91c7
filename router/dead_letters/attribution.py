"""Who does something about dead letters and why, and how its outcome is said."""

import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

import typer
from msgspec import Struct

from router.cli.text.output import Form, json_out, talk
from router.cli.text.sanitize import plain
from router.domain.model.report import Rejection
from router.wire.errors import InputError

LONGEST_ACTOR, LONGEST_WHY = 100, 500
SAY_EVERY_S = 1.0

Actor = Annotated[
    str, typer.Option(help="Who you are, as colleagues know you; kept in the history of each dead letter.")
]
Why = Annotated[str, typer.Option(help="Why it is done, one sentence without personal data; kept too.")]


class Attribution(Struct, frozen=True):
    """Who, why, and when."""

    actor: str
    why: str
    at: datetime


def attribution_of(actor: str, why: str) -> Attribution:
    """The signature under what is done now. Raises InputError when actor or reason cannot be kept as they are."""
    for option, text, longest in (("--actor", actor, LONGEST_ACTOR), ("--why", why, LONGEST_WHY)):
        if not text.strip() or len(text) > longest or plain(text) != text:
            raise InputError(
                f"needs 1 to {longest} printable characters on one line", where=option, hint="say it in a few words"
            )
    return Attribution(actor.strip(), why.strip(), datetime.now(UTC))


class Outcomes:
    """Says what became of each dead letter as it happens: data on stdout, progress on stderr.

    Args:
        done: the word for success.
        result: the same for programs.
        output: `text` names only what went wrong, unless `all_` is set; `json` names every dead letter.
    """

    def __init__(self, done: str, result: str, output: Form, *, all_: bool = False) -> None:
        self._done, self._result, self._output, self._all = done, result, output, all_
        self.counts: Counter[str] = Counter()
        self._said = time.monotonic()

    def success(self, dead_letter: str, to: str | None = None) -> None:
        """It was done, and where the dead letter went."""
        self.counts[self._done] += 1
        if self._output == "json":
            json_out({"id": dead_letter, "result": self._result} | ({"to": to} if to else {}))
        elif self._all:
            typer.echo(plain(f"{dead_letter}  {self._done}{f', to {to}' if to else ''}"))

    def failure(self, dead_letter: str, rejection: Rejection) -> None:
        """It was not done."""
        self.counts["rejected"] += 1
        if self._output == "json":
            json_out({"id": dead_letter, "result": "rejected", "code": rejection.code, "reason": rejection.reason})
        else:
            typer.echo(plain(f"{dead_letter}  {rejection.code}: {rejection.reason}"))

    def skip(self, dead_letter: str) -> None:
        """It was redriven before."""
        self.counts["skipped"] += 1
        if self._output == "json":
            json_out({"id": dead_letter, "result": "skipped"})

    def progress(self) -> None:
        """A word on stderr, once a second at most."""
        if time.monotonic() - self._said >= SAY_EVERY_S:
            self._said = time.monotonic()
            talk(f"{self.counts[self._done]:,} {self._done} ...")

    def end(self, rest: str) -> None:
        """The sum, and exit code 1 when something was not done."""
        sys.stdout.flush()
        skipped = self.counts["skipped"]
        force = f", {skipped:,} skipped, redriven before (--again takes them too)" if skipped else ""
        talk(f"{self.counts[self._done]:,} {self._done}{force}, {self.counts['rejected']:,} {rest}.")
        if self.counts["rejected"]:
            raise typer.Exit(1)
