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
from router.domain.model.report import Refusal
from router.wire.errors import InputError

LONGEST_ACTOR, LONGEST_WHY = 100, 500
SAY_EVERY_S = 1.0

Actor = Annotated[str, typer.Option(help="Who you are, as colleagues know you; kept in the history of each letter.")]
Why = Annotated[str, typer.Option(help="Why it is done, one sentence without personal data; kept too.")]


class Signature(Struct, frozen=True):
    """Who, why, and when."""

    actor: str
    why: str
    at: datetime


def signed(actor: str, why: str) -> Signature:
    """The signature under what is done now. Raises InputError when actor or reason cannot be kept as they are."""
    for option, text, longest in (("--actor", actor, LONGEST_ACTOR), ("--why", why, LONGEST_WHY)):
        if not text.strip() or len(text) > longest or plain(text) != text:
            raise InputError(
                f"needs 1 to {longest} printable characters on one line", where=option, cure="say it in a few words"
            )
    return Signature(actor.strip(), why.strip(), datetime.now(UTC))


class Outcomes:
    """Says what became of each letter as it happens: data on stdout, progress on stderr.

    Args:
        done: the word for success.
        result: the same for programs.
        output: `text` names only what went wrong, unless `all_` is set; `json` names every letter.
    """

    def __init__(self, done: str, result: str, output: Form, *, all_: bool = False) -> None:
        self._done, self._result, self._output, self._all = done, result, output, all_
        self.counts: Counter[str] = Counter()
        self._said = time.monotonic()

    def success(self, letter: str, to: str | None = None) -> None:
        """It was done, and where the letter went."""
        self.counts[self._done] += 1
        if self._output == "json":
            json_out({"id": letter, "result": self._result} | ({"to": to} if to else {}))
        elif self._all:
            typer.echo(plain(f"{letter}  {self._done}{f', to {to}' if to else ''}"))

    def failure(self, letter: str, refusal: Refusal) -> None:
        """It was not done."""
        self.counts["refused"] += 1
        if self._output == "json":
            json_out({"id": letter, "result": "refused", "code": refusal.code, "reason": refusal.reason})
        else:
            typer.echo(plain(f"{letter}  {refusal.code}: {refusal.reason}"))

    def skip(self, letter: str) -> None:
        """It was driven again before."""
        self.counts["skipped"] += 1
        if self._output == "json":
            json_out({"id": letter, "result": "skipped"})

    def progress(self) -> None:
        """A word on stderr, once a second at most."""
        if time.monotonic() - self._said >= SAY_EVERY_S:
            self._said = time.monotonic()
            talk(f"{self.counts[self._done]:,} {self._done} ...")

    def end(self, rest: str) -> None:
        """The sum, and exit code 1 when something was not done."""
        sys.stdout.flush()
        skipped = self.counts["skipped"]
        again = f", {skipped:,} skipped, driven again before (--again takes them too)" if skipped else ""
        talk(f"{self.counts[self._done]:,} {self._done}{again}, {self.counts['refused']:,} {rest}.")
        if self.counts["refused"]:
            raise typer.Exit(1)
