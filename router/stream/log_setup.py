"""The log of a worker process, or of a gateway."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

import structlog

from router.stream.faust_adapter import log_rate_limit

LogFormat = Literal["text", "json"]


class VisibleText(logging.Formatter):
    """Writes characters that a terminal obeys or hides as U+FFFD: an error can quote a record that anybody sent."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a log message and its traceback."""
        text = super().format(record)
        return text if text.isprintable() else "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


class JsonLine(logging.Formatter):
    """Writes a message of a library as one JSON object, with the names that the router's own lines have. It is ASCII: a terminal obeys none of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a log message and its traceback."""
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(log_rate_limit.cut_long_texts(None, "", line))


def log_to_stderr(form: LogFormat = "text") -> None:
    """Log warnings and errors to stderr, one per line.

    Args:
        form: `json` for one JSON object in each line.
    """
    handler = logging.StreamHandler(sys.stderr)
    plain = VisibleText("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonLine() if form == "json" else plain)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # the broker answers "not enough replicas" until the last transaction's markers are written; the retry succeeds
    logging.getLogger("aiokafka.producer.sender").setLevel(logging.ERROR)
    # Faust warns about every late timer of a loaded event loop; `/health` and the metrics show what matters of that
    logging.getLogger("mode.timers").setLevel(logging.ERROR)
    log_rate_limit.install()
    render: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[
            log_rate_limit.BurstLimit(),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            log_rate_limit.cut_long_texts,
            render,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
