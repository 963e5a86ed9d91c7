"""The log of a process as JSON: one object in each line, also for libraries and tracebacks, and no raw text of a record."""

import json
import subprocess
import sys
from typing import Any

HOSTILE = "\x1b]0;owned\x07\u202e\nfake line"
PROGRAM = """
import logging, sys
import structlog
from structlog.contextvars import bind_contextvars
from router.stream.log_setup import log_to_stderr
log_to_stderr(sys.argv[1])
text = sys.argv[2]
bind_contextvars(trace="0af7651916cd43dd8448eb211c80319c")
try:
    raise ValueError(text)
except ValueError:
    structlog.get_logger("router").exception("poison record", stream_task="merge-1", task=text)
    logging.getLogger("aiokafka.x").warning("about %s", text, exc_info=True)
"""


def logged(form: str) -> list[str]:
    run = subprocess.run([sys.executable, "-c", PROGRAM, form, HOSTILE], capture_output=True, check=True, text=True)
    assert run.stdout == ""
    return run.stderr.splitlines()


def test_a_log_in_json_is_one_object_in_each_line() -> None:
    lines = logged("json")
    assert all(line.isascii() and line.isprintable() for line in lines)
    own, library = (dict[str, Any](json.loads(line)) for line in lines)
    assert (own["level"], own["event"], own["task"]) == ("error", "poison record", HOSTILE)
    assert (own["trace"], own["stream_task"]) == ("0af7651916cd43dd8448eb211c80319c", "merge-1")
    assert (library["level"], library["event"], library["logger"]) == ("warning", f"about {HOSTILE}", "aiokafka.x")
    for line in (own, library):
        assert line["timestamp"].endswith("Z")
        assert line["exception"].endswith(f"ValueError: {HOSTILE}")


def test_a_log_in_text_names_the_trace_too() -> None:
    first, *_ = logged("text")
    assert first.isprintable()
    assert "event='poison record'" in first
    assert "trace='0af7651916cd43dd8448eb211c80319c'" in first
