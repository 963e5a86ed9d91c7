"""`python -m router.stream CITY --worker N --clock CLOCK [--exit-with-parent]`: one worker, as the worker pool starts it."""

import argparse
import sys

from router.stream.worker import main
from router.wire.errors import BrokerError, RouterError
from router.wire.settings import Settings
from router.workers.exit_codes import IN_ORDER, INVALID


def _run() -> int:
    parser = argparse.ArgumentParser(prog="python -m router.stream", description=__doc__)
    parser.add_argument("city")
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--clock", choices=["wall", "stream"], default="wall")
    parser.add_argument("--exit-with-parent", action="store_true")
    parser.add_argument("--leash", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.leash:
        sys.stderr.write("`--leash` is now `--exit-with-parent`; the old name works until 0.3.\n")
    try:
        bootstrap = Settings().kafka
        if bootstrap is None:
            raise BrokerError(
                "no Kafka cluster is named", hint="set GRID_ROUTER_KAFKA=host:port, or use `grid-router worker`"
            )
        main(
            arguments.city,
            number=arguments.worker,
            clock=arguments.clock,
            bootstrap=bootstrap,
            exit_with_parent=arguments.exit_with_parent or arguments.leash,
        )
    except RouterError as error:
        sys.stderr.write(f"{error}\n")
        return INVALID
    return IN_ORDER


if __name__ == "__main__":
    sys.exit(_run())
