"""The log of a worker process."""

import logging
import sys

import structlog

from router.stream.faust_adapter import log_rate_limit


class VisibleText(logging.Formatter):
    """Writes characters that a terminal obeys or hides as U+FFFD: an error can quote a record that anybody sent."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a log message and its traceback."""
        text = super().format(record)
        return text if text.isprintable() else "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def log_to_stderr() -> None:
    """Log warnings and errors to stderr, one per line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(VisibleText("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # the broker answers "not enough replicas" until the last transaction's markers are written; the retry succeeds
    logging.getLogger("aiokafka.producer.sender").setLevel(logging.ERROR)
    # Faust warns about every late timer of a loaded event loop; `/health` and the metrics show what matters of that
    logging.getLogger("mode.timers").setLevel(logging.ERROR)
    log_rate_limit.install()
    structlog.configure(
        processors=[
            log_rate_limit.BurstLimit(),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            log_rate_limit.cut_long_texts,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
