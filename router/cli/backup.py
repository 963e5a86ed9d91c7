"""`grid-router backup make|check` and `grid-router restore`: a whole deployment into a folder and back."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from router.backup.check import checked
from router.backup.make import make_backup
from router.backup.manifest import Manifest, fingerprints
from router.backup.restore import Restore
from router.broker.server import bootstrap
from router.cli.text.output import Form, Output, json_out, lines_out, say
from router.stream.faust_adapter import lenient_headers
from router.wire.errors import InputError
from router.wire.offset_signing import offset_keys, offset_keys_file
from router.wire.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Copy a whole deployment into a folder, and check such a copy.")
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the backup.")]


@app.command()
def make(
    folder: Folder,
    *,
    keys: Annotated[
        bool, typer.Option("--keys", help="Copy the files of keys and tokens, too. Who has the folder has them then.")
    ] = False,
    output: Output = "text",
) -> None:
    """Copy every topic of the deployment, with the configuration and the offsets of all groups.

    End all workers first; the command rejects a deployment whose workers run. Apps and departments may go on: what they send
    meanwhile stays in Kafka and is not in the backup. The folder holds citizens' reports, and only its owner may read it.

    Example: grid-router backup make /backup/2026-11-30
    """
    lenient_headers.install()
    settings, now = Settings(), datetime.now(UTC)
    address = bootstrap(settings)
    files = _key_files(settings, address)
    manifest = make_backup(
        address, settings.namespace, folder, now, keys=files, copy_keys=keys, on_topic=_Progress("copied")
    )
    _show(manifest, folder, output)


@app.command()
def check(folder: Folder, output: Output = "text") -> None:
    """Compare every file with its checksum, and read every record.

    Example: grid-router backup check /backup/2026-11-30
    """
    _show(checked(folder), folder, output)


def restore(folder: Folder, output: Output = "text") -> None:
    """Write a backup into a cluster that has none of its topics; the deployment goes on where it was.

    Gateways, apps, departments and workers start after it. Stored offsets are signed again, so the command needs the keys of the
    workers (GRID_ROUTER_OFFSET_KEYS).

    Example: GRID_ROUTER_KAFKA=kafka-1:9092 grid-router restore /backup/2026-11-30
    """
    settings = Settings()
    address = bootstrap(settings)
    manifest = checked(folder)
    if manifest.namespace != settings.namespace:
        hint = f"set GRID_ROUTER_NAMESPACE={manifest.namespace}"
        raise InputError(f"the backup is of the namespace {manifest.namespace!r}", where=str(folder), hint=hint)
    one = Restore(
        address,
        folder,
        manifest,
        offset_keys(settings, address),
        replication=settings.replication,
        min_insync=settings.min_insync_replicas,
    )
    restored = asyncio.run(one.run(_Progress("restored")))
    if output == "json":
        json_out(msgspec.to_builtins(restored))
    else:
        lines_out(
            f"Restored {restored.records:,} records on {restored.topics} topics, {restored.stored_offsets} stored offsets, {restored.groups} groups."
        )
    kept = set(fingerprints(settings.gateway_receipt_keys))
    if missing := sorted(set(manifest.keys.get("receipt-keys", ())) - kept):
        say(
            f"Receipts of the key {missing[0]} are answered again when GRID_ROUTER_GATEWAY_RECEIPT_KEYS names a file that has it."
        )


def _key_files(settings: Settings, address: str) -> dict[str, Path]:
    files = {
        "offset-keys": offset_keys_file(settings, address),
        "receipt-keys": settings.gateway_receipt_keys,
        "gateway-tokens": settings.gateway_tokens,
    }
    return {name: file for name, file in files.items() if file is not None and file.exists()}


class _Progress:
    """Prints a line for each topic that has records."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __call__(self, topic: str, records: int) -> None:
        if records:
            say(f"{self._what} {topic}: {records:,} records")


def _show(manifest: Manifest, folder: Path, output: Form) -> None:
    if output == "json":
        json_out(msgspec.to_builtins(manifest))
        return
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    lines_out(
        f"{folder}: {manifest.records:,} records on {len(manifest.topics)} topics, {len(manifest.groups)} groups, "
        f"{size / 1e6:,.1f} MB, made {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC."
    )
