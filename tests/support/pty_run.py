"""Runs a command of the router in this process with a pseudo-terminal as its output, and returns what the terminal got."""

import io
import os
import pty
import re
import sys
import threading

import pytest

from router.cli import main as entry

SGR = re.compile(r"\x1b\[[0-9;]*m")
"""Colours and weights, as the command line itself prints them."""


def run_on_terminal(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What the terminal got from stdout and stderr, with its line ends as `\\n`. Any exit code is accepted."""
    parent, child = pty.openpty()
    got: list[bytes] = []
    reader = threading.Thread(target=_drain, args=(parent, got))
    reader.start()
    with monkeypatch.context() as patched, io.TextIOWrapper(os.fdopen(child, "wb"), "utf-8") as terminal:
        patched.setattr(sys, "stdout", terminal)
        patched.setattr(sys, "stderr", terminal)
        patched.setattr(sys, "argv", ["grid-router", *arguments])
        patched.setenv("TERM", "xterm")
        patched.setenv("COLUMNS", "200")
        try:
            entry.main()
        except SystemExit:
            pass
        finally:
            terminal.flush()
    reader.join()
    os.close(parent)
    return b"".join(got).decode().replace("\r\n", "\n")


def _drain(parent: int, got: list[bytes]) -> None:
    """Read until the other end is closed, which Linux reports as an error."""
    try:
        while content := os.read(parent, 65536):
            got.append(content)
    except OSError:
        return
