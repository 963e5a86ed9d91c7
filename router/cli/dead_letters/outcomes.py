"""Prints what a repair or redrive does: data on stdout, progress and a summary on stderr."""

import time
from collections import Counter
from typing import Any

import typer

from router.cli.text.output import Form, flush, json_out, lines_out, say
from router.dead_letters.actions import ActionOutcome, Result

PROGRESS_S = 1.0
_WORDS: dict[Result, str] = {"to-drive": "to drive"}


class OutcomePrinter:
    """Prints each outcome as it is reported.

    Args:
        success: the result that counts as a success.
        output: `json` prints every dead letter; `text` prints failures only, unless `all_` is set.
        all_: print successes as text, too.
    """

    def __init__(self, success: Result, output: Form, *, all_: bool = False) -> None:
        self._success, self._output, self._all = success, output, all_
        self._word = _WORDS.get(success, success)
        self.counts: Counter[Result] = Counter()
        self._printed = time.monotonic()

    def print(self, outcome: ActionOutcome) -> None:
        """Print one outcome, and the progress once a second at most."""
        self.counts[outcome.result] += 1
        if self._output == "json":
            json_out(_as_json(outcome))
        elif outcome.failure is not None:
            lines_out(f"{outcome.dead_letter}  {outcome.failure.code}: {outcome.failure.reason}")
        elif self._all and outcome.result == self._success:
            lines_out(f"{outcome.dead_letter}  {self._word}{f', to {outcome.to}' if outcome.to else ''}")
        if time.monotonic() - self._printed >= PROGRESS_S:
            self._printed = time.monotonic()
            say(f"{self.counts[self._success]:,} {self._word} ...")

    def summary(self, rejected: str) -> None:
        """Print the counts; exit code 1 when an action failed.

        Args:
            rejected: describes the dead letters whose action failed.
        """
        flush()
        skipped = self.counts["skipped"]
        note = f", {skipped:,} skipped, redriven before (--force includes them) or erased" if skipped else ""
        say(f"{self.counts[self._success]:,} {self._word}{note}, {self.counts['rejected']:,} {rejected}.")
        if self.counts["rejected"]:
            raise typer.Exit(1)


def _as_json(outcome: ActionOutcome) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": outcome.dead_letter, "result": outcome.result}
    if outcome.to:
        shown["to"] = outcome.to
    if outcome.failure is not None:
        shown |= {"code": outcome.failure.code, "reason": outcome.failure.reason}
    return shown
