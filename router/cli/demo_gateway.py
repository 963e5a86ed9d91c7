"""The gateway of `grid-router demo`: a process beside the workers, whose clock is that of the history, and a request to try it with.

The request is a file of curl's, so that the token is in no command line and the line to type stays short.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from router.cli.text.output import say
from router.domain.networks.registry import NETWORKS
from router.gateway.receipt_keys import make_receipt_keys
from router.gateway.server import bound_socket
from router.gateway.token_file import add_token
from router.simulator.messages import SourceMessage
from router.wire.errors import InputError
from router.wire.private_files import private_folder, write_private
from router.wire.settings import Settings
from router.workers.pool import environment

STOP_S = 20.0


@contextmanager
def running_gateway(city: str, settings: Settings, messages: Sequence[SourceMessage]) -> Iterator[list[str]]:
    """Start the gateway; end it at the end.

    Args:
        city: name of its folder.
        settings: of the demo; names the cluster.
        messages: of the history. One of them is sent again by the request, as another report.

    Yields:
        The command to try; none if the port is in use.
    """
    try:
        bound_socket(settings.gateway_host, settings.gateway_port).close()
    except InputError as error:
        say(f"No gateway: {error}")
        yield []
        return
    folder = private_folder(settings.home.absolute() / "gateway")
    request = _request(folder, settings, messages)
    keys = folder / "receipt-keys"
    if not keys.exists():
        make_receipt_keys(keys)
    own = settings.model_copy(update={"gateway_tokens": folder / "tokens", "gateway_receipt_keys": keys})
    command = [sys.executable, "-m", "router.cli.main", "gateway", city, "--clock", "stream", "--exit-with-parent"]
    with (
        (folder / "log").open("ab") as log,
        subprocess.Popen(command, env=environment(own), stdin=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            yield [f"curl -sK {os.path.relpath(request)}"]
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
            say("Gateway stopped.")


def _request(folder: Path, settings: Settings, messages: Sequence[SourceMessage]) -> Path:
    """Write the request: the first message of the history that is plain JSON, without its id, so that the key makes one."""
    network, report = next((one.network, said) for one in messages if (said := _without_id(one)) is not None)
    tokens = folder / "tokens"
    tokens.unlink(missing_ok=True)
    token = add_token(tokens, "demo", "report:* department:*")
    write_private(folder / "report.json", json.dumps(report, ensure_ascii=False, indent=1).encode())
    lines = [
        f'url = "http://{settings.gateway_host}:{settings.gateway_port}/v1/reports/{network}"',
        f'header = "Authorization: Bearer {token}"',
        'header = "Content-Type: application/json"',
        'header = "Idempotency-Key: demo-1"',
        f'data-binary = "@{folder / "report.json"}"',
    ]
    file = folder / "report.curl"
    write_private(file, "\n".join([*lines, ""]).encode())
    return file


def _without_id(message: SourceMessage) -> dict[str, object] | None:
    try:
        said = json.loads(message.value)
    except ValueError:
        return None
    field = NETWORKS[message.network].id_field
    if not isinstance(said, dict) or field not in said:
        return None
    return {name: value for name, value in said.items() if name != field}
