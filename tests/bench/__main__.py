"""`python -m tests.bench [speed|latency|restore|growth|lifecycle|case-commands|gateway-load] ...`: measures the router, and other implementations beside it."""

import argparse
import logging
import sys
from types import ModuleType

from router.broker.server import ensure_running
from router.wire.settings import Settings
from tests.bench import case_commands, gateway_load, growth, latency, lifecycle, restore, speed
from tests.bench.pinned_process import pin_everything_to_core_0

COMMANDS: dict[str, ModuleType] = {
    "speed": speed,
    "latency": latency,
    "restore": restore,
    "growth": growth,
    "lifecycle": lifecycle,
    "case-commands": case_commands,
    "gateway-load": gateway_load,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        one = commands.add_parser(name, description=module.__doc__, help=(module.__doc__ or "").partition(": ")[2])
        module.add_arguments(one)
    arguments = parser.parse_args(sys.argv[1:] or ["speed"])
    settings = Settings()
    settings = settings.model_copy(update={"kafka": ensure_running(settings), "metrics_port": 0})
    (settings.home / "bench").mkdir(parents=True, exist_ok=True)
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # a new topic has no leader yet; the client retries
    pin_everything_to_core_0()
    return COMMANDS[arguments.command].main(arguments, settings)


if __name__ == "__main__":
    sys.exit(main())
