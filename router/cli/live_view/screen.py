"""One way to show a state that changes: a terminal's alternate screen, or lines without a terminal."""

import threading
import time
from typing import Protocol, Self

from rich.console import Console, RenderableType
from rich.live import Live

from router.cli.text.output import say
from router.cli.text.sanitize import sanitize

FRAME_S = 0.5
LINE_S = 5.0
"""Shortest time between two lines when the output is not a terminal."""
REPEAT_S = 30.0
"""Longest time between two lines: an unchanged line is repeated after it."""


class Shown(Protocol):
    """A state that a screen shows."""

    @property
    def remark(self) -> str | None:
        """What to say once, when it is so."""

    def render(self, width: int, height: int) -> RenderableType:
        """The screen for a terminal of this width and height."""

    def line(self) -> str:
        """The state in one line of text."""


class Polled(Protocol):
    """The sources of a state, and the state."""

    @property
    def view(self) -> Shown:
        """The state."""

    def poll(self, now: float) -> None:
        """Poll all sources once."""

    def finished(self, now: float) -> bool:
        """Whether the screen may end by itself."""


def show_until(stop_requested: threading.Event, polled: Polled, *, live: bool) -> None:
    """Poll and show until a stop is requested, or it has finished."""
    console = Console()
    screen = Screen(console, polled.view, live=live and console.is_terminal)
    with screen:
        while not stop_requested.wait(FRAME_S):
            now = time.monotonic()
            polled.poll(now)
            screen.update(now)
            if polled.finished(now):
                break
    screen.print_final()


class Screen:
    """A state on a terminal's alternate screen, or as lines without a terminal.

    A line is printed when it differs from the last one, or after `REPEAT_S`.
    """

    def __init__(self, console: Console, view: Shown, *, live: bool) -> None:
        self._console, self._view = console, view
        self._live = Live(console=console, screen=True, auto_refresh=False) if live else None
        self._line, self._printed_at = "", float("-inf")
        self._remarked = False

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, now: float) -> None:
        """Show the current state."""
        if self._live is not None:
            self._live.update(self._view.render(*self._console.size), refresh=True)
        elif now - self._printed_at >= LINE_S:
            self._print_line(now)
            if self._view.remark is not None and not self._remarked:
                self._remarked = True
                say(self._view.remark)

    def print_final(self) -> None:
        """Print the final state on the normal screen."""
        if self._live is not None:
            self._console.print(self._view.render(self._console.width, 40))
        else:
            self._print_line()

    def _print_line(self, now: float = 0.0) -> None:
        line = self._view.line()
        if line != self._line or now - self._printed_at >= REPEAT_S:
            self._line, self._printed_at = line, now
            self._console.print(sanitize(line), markup=False, highlight=False, soft_wrap=True)
