"""Writes an incident as each network would report it: with its own schema, codes, coordinates and times.

The field names are those of the source schemas in `router/domain/networks`. A test validates every kind of message.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from random import Random
from typing import Any

import orjson
from msgspec import Struct

from router.domain.geometry import wgs84_to_gcj02

Payload = dict[str, Any]
CODE_TABLE_VERSION = "GB/T 30428.2-2013"
"""The code-table version that an inspector uses today."""
LIMITS: Mapping[str, float] = {"H2S": 0.06, "NH3": 1.5}
"""Limit in mg/m³ at the fence of a second-grade plant (GB 14554-93)."""


class Observation(Struct, frozen=True, kw_only=True):
    """What a reporting person knows of an incident."""

    number: int
    """Running number of this network's reports."""
    network: str
    code: str
    """The network's class of the incident."""
    version: str | None
    lon: float
    lat: float
    """WGS 84, as the phone measures it."""
    cell: str
    """15-digit cell, as the person recorded it."""
    reported_at: datetime
    zone: tzinfo

    @property
    def wall(self) -> datetime:
        """Wall-clock time of the report."""
        return self.reported_at.astimezone(self.zone)


def _policing(observation: Observation, random: Random) -> tuple[str, Payload]:
    """110 接警单: GCJ-02 coordinates, wall times without zone, the unit of the precinct."""
    lon, lat = wgs84_to_gcj02(observation.lon, observation.lat)
    id_ = f"{observation.wall:%Y%m%d}{observation.number:08d}"
    seen = (observation.reported_at - timedelta(minutes=random.randrange(1, 20))).astimezone(observation.zone)
    subtype = {"bjxldm": observation.code} if len(observation.code) > 4 else {}
    return id_, {
        "jjdbh": id_,
        "bjsj": f"{observation.wall:%Y%m%d%H%M%S}",
        "sfsj": f"{seen:%Y%m%d%H%M%S}",
        "bjlbdm": observation.code[:2],
        "bjlxdm": observation.code[:4],
        **subtype,
        "gxdwdm": observation.cell[:9] + "000",
        "jd": round(lon, 6),
        "wd": round(lat, 6),
        "bjnr": "Someone is damaging a wall here",
    }


def _urban_management(observation: Observation, random: Random) -> tuple[str, Payload]:
    """GB/T 30428 案件: the class with its table's version, and the cell that the inspector recorded."""
    id_ = f"{observation.wall:%Y%m%d}-{observation.number:07d}"
    return id_, {
        "taskNum": id_,
        **_coded(observation),
        "codeVersion": observation.version or CODE_TABLE_VERSION,
        "cellCode": observation.cell,
        "x": round(observation.lon, 6),
        "y": round(observation.lat, 6),
        "reportTime": f"{observation.wall:%Y-%m-%d %H:%M:%S}",
        "description": random.choice(("Piled up on the pavement", "In the way of people on foot")),
    }


def _coded(observation: Observation) -> Payload:
    """The class of the city's table, `event-0102`, as a full code: county, class, and the serial of a component."""
    kind, _, digits = observation.code.partition("-")
    full = observation.cell[:6] + digits.ljust(4, "9")  # 99: another minor class
    if kind == "part":
        return {"componentCode": f"{full}{observation.number % 10**6:06d}"}
    return {"eventCode": full if digits else observation.code}


def _environment(observation: Observation, random: Random) -> tuple[str, Payload]:
    """环保投诉 or 超标数据: WGS 84, ISO times with zone."""
    kind, _, pollutant = observation.code.partition("/")
    return _reading(observation, pollutant, random) if kind == "reading" else _complaint(observation, random)


def _reading(observation: Observation, pollutant: str, random: Random) -> tuple[str, Payload]:
    """A mobile station measures what others smell."""
    id_ = f"ER{observation.number:08d}"
    limit = LIMITS.get(pollutant, 1.0)
    return id_, {
        "id": id_,
        "kind": "reading",
        "stationId": f"M-{observation.cell[:9]}",
        "pollutant": pollutant or "dust",
        "value": round(limit * random.uniform(1.1, 4.0), 4),
        "limit": limit,
        "unit": "mg/m3",
        "observedAt": observation.reported_at.astimezone(UTC).isoformat(),
        "longitude": round(observation.lon, 6),
        "latitude": round(observation.lat, 6),
    }


def _complaint(observation: Observation, random: Random) -> tuple[str, Payload]:
    id_ = f"EC{observation.number:08d}"
    return id_, {
        "id": id_,
        "kind": "complaint",
        "category": observation.code,
        "longitude": round(observation.lon, 6),
        "latitude": round(observation.lat, 6),
        "reportedAt": observation.reported_at.astimezone(UTC).isoformat(),
        "content": random.choice(("A bad smell", "Something rots here")),
    }


def _social_security(observation: Observation, random: Random) -> tuple[str, Payload]:
    """民政: no coordinates, only the community, and a masked reference to a person."""
    id_ = f"MZ{observation.number:08d}"
    return id_, {
        "id": id_,
        "matterCode": observation.code,
        "communityCode": observation.cell[:12],
        "reportedAt": f"{observation.wall:%Y-%m-%d %H:%M:%S}",
        "personRef": f"P-{random.randrange(16**8):08x}",
        "content": "People sleep outside here",
    }


MESSAGE_WRITERS: Mapping[str, Callable[[Observation, Random], tuple[str, Payload]]] = {
    "policing": _policing,
    "urban-management": _urban_management,
    "environment": _environment,
    "social-security": _social_security,
}
"""Network -> its writer, which returns the source's own id and the message."""


def broken(payload: Payload, random: Random) -> bytes:
    """The message as no network may accept it: truncated, of another kind, not text, or without its id."""
    whole = orjson.dumps(payload)
    id_field = next(iter(payload))  # every writer puts the id first
    return random.choice(
        (
            whole[: len(whole) // 2],
            b"[" + whole + b"]",
            whole.replace(b'"', b"\xff", 1),
            orjson.dumps({name: value for name, value in payload.items() if name != id_field}),
        )
    )
