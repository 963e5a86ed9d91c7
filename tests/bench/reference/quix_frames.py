"""The reference job on Quix Streams: two data frames of one application, RocksDB state with its changelog. Exactly once."""

from typing import Any

from msgspec.structs import asdict
from quixstreams import Application
from quixstreams.state import State

from tests.bench.reference.job import MAX_REPORTS, Rejected, Run, first, normalise

run = Run.here()
COMMIT_SECONDS = 1.0
DISPATCHED = ("case", "cell", "dept", "opened", "text")

app = Application(
    broker_address=run.kafka,
    consumer_group=f"{run.prefix}quix",
    auto_offset_reset="earliest",
    state_dir=run.folder,
    processing_guarantee="exactly-once",
    commit_interval=COMMIT_SECONDS,
    producer_extra_config={"linger.ms": 20, "partitioner": "murmur2_random"},
    loglevel="WARNING",
)
raw = app.topic(run.raw, value_deserializer="bytes", key_deserializer="bytes")
grid = app.topic(
    run.grid, value_serializer="json", value_deserializer="json", key_serializer="bytes", key_deserializer="bytes"
)
dlq = app.topic(run.dlq, value_serializer="json", key_serializer="bytes")
cases = app.topic(run.cases, value_serializer="json", key_serializer="bytes")
dispatch = app.topic(run.dispatch, value_serializer="json", key_serializer="bytes")


def normalised(value: bytes) -> tuple[bool, dict[str, Any]]:
    first()
    event = normalise(value)
    if isinstance(event, Rejected):
        return False, asdict(event)
    return True, asdict(event) | {"t": event.t.isoformat()}  # its JSON serializer has no datetime


def merged(event: dict[str, Any], state: State) -> tuple[dict[str, Any], bool] | None:
    """Merge an event; the state belongs to the key of the message, the cell."""
    seen_key = f"seen {event['id']}"
    if state.exists(seen_key):
        return None
    state.set(seen_key, 1)
    key = f"latest {event['cat']}"
    case = state.get(key)
    new = case is None or len(case["reports"]) == MAX_REPORTS
    if new:
        case = opened(event)
    else:
        case["reports"].append(event["id"])
    state.set(key, case)
    return case, new


def opened(event: dict[str, Any]) -> dict[str, Any]:
    kept = {name: event[name] for name in ("cell", "cat", "lon", "lat", "text")}
    return kept | {
        "case": event["id"],
        "reports": [event["id"]],
        "state": "dispatched",
        "dept": f"dept{event['cell'][-1]}",
        "opened": event["t"],
    }


def build() -> None:
    processor = app.dataframe(raw).apply(normalised)
    sound = processor[processor.apply(lambda it: it[0])].apply(lambda it: it[1])
    sound.to_topic(grid, key=lambda event: event["cell"].encode())
    unsound = processor[processor.apply(lambda it: not it[0])].apply(lambda it: it[1])
    unsound.to_topic(dlq, key=lambda _: b"")
    merge = app.dataframe(grid).apply(merged, stateful=True)
    merge = merge[merge.apply(lambda it: it is not None)]
    merge.apply(lambda it: it[0]).to_topic(cases, key=lambda case: case["case"].encode())
    new = merge[merge.apply(lambda it: it[1])].apply(lambda it: {name: it[0][name] for name in DISPATCHED})
    new.to_topic(dispatch, key=lambda it: it["cell"].encode())


if __name__ == "__main__":
    build()
    app.run()
