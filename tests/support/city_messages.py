"""What networks of the shipped cities send: a small message of each, with only the fields that a report must have."""

import json
from datetime import datetime
from typing import Any

from router.domain.intake.normalise import RECEIVED_AT
from tests.replay.sources import Sourced

Message = dict[str, Any]
DUMPING: Message = {
    "SRNumber": "1-100",
    "CreatedDate": "01/05/2018 09:00:00 AM",
    "UpdatedDate": "01/05/2018 09:00:00 AM",
    "RequestType": "Illegal Dumping Pickup",
    "Status": "Open",
    "Latitude": "34.0606",
    "Longitude": "-118.2498",
    "APC": "Central APC",
    "NCName": "DOWNTOWN LOS ANGELES",
    "PolicePrecinct": "CENTRAL",
}
WHISTLE: Message = {
    "whistleId": "W-1",
    "matterCode": "DJ0101",
    "branchCode": "4109-02-001-001",
    "communityCode": "410902001001",
    "position": {"lon": 115.1386, "lat": 35.8194},
    "happenedAt": "2026-11-24T08:20:00+08:00",
    "raisedAt": "2026-11-24T08:20:00+08:00",
    "level": "一般",
    "content": "垃圾成堆",
    "raisedBy": "dj-w-0021",
    "status": "Actual",
}
CLUE: Message = {
    "clueNo": "C-1",
    "causeCode": "ZF0101",
    "gridCode": "03020141090200100100",
    "location": {"type": "Point", "coordinates": [115.1386, 35.8194]},
    "registerTime": "2026-11-24 08:30:00",
    "clueSource": "patrol",
    "facts": "路口有垃圾",
    "status": "Actual",
}
PROBLEM: Message = {
    "taskNum": "CG-1",
    "eventCode": "4109020102",
    "codeVersion": "GB/T 30428.2-2013",
    "cellCode": "410902001001001",
    "x": 115.1386,
    "y": 35.8194,
    "reportTime": "2026-11-24 08:58:00",
    "channel": "inspector",
    "status": "Actual",
}
CALL: Message = {
    "jjdbh": "J-1",
    "gxdwdm": "410902001000",
    "bjlxdm": "4001",
    "bjxldm": "400101",
    "bjsj": "20261124083000",
    "jd": 115.1446024,
    "wd": 35.8194865,
    "bjnr": "起火",
    "jqdj": "1",
    "csbz": "0",
}
HAZARD: Message = {
    "YHBH": "AQ-1",
    "YHDM": "AQ0101",
    "ZYWG": "03020141090200100100",
    "QYBS": "QY-0902-0417",
    "JD": 115.1386,
    "WD": 35.8194,
    "FXSJ": "2026-11-24 08:35:00",
    "SBSJ": "2026-11-24 08:35:00",
    "YHJB": "",
    "YHLY": "1",
    "YHMS": "厂房冒烟起火",
    "YLBZ": "0",
}
IDS = {
    "hotline": "SRNumber",
    "party-building": "whistleId",
    "enforcement": "clueNo",
    "urban-management": "taskNum",
    "policing": "jjdbh",
    "work-safety": "YHBH",
}
"""Network -> the field of its own id."""


def sourced(network: str, message: Message | bytes, at: datetime, offset: int, key: str | None = None) -> Sourced:
    """The record of a message that the router received at this time. Its key is the message's own id."""
    value = message if isinstance(message, bytes) else json.dumps(message).encode()
    source_id: str = key or json.loads(value)[IDS[network]]
    received = [(RECEIVED_AT, at.isoformat().encode())]
    return Sourced(network, 0, offset, int(at.timestamp() * 1000) + 5, source_id.encode(), value, received)
