"""Points and cells that cannot be, or are not of this city."""

from collections.abc import Iterator
from typing import Any

from tests.support.poison.record import Poison, accepted, rejected, sound, with_text

POINT = "points that cannot be"
ELSEWHERE = "places that are not in the city"
CODE = "cells, communities and classes that cannot be"

NAMES = {
    "policing": ("jd", "wd"),
    "urban-management": ("x", "y"),
    "environment": ("longitude", "latitude"),
    "work-safety": ("JD", "WD"),
    "governance": ("lng", "lat"),
}
"""Longitude and latitude, where they are fields of their own."""
LON, LAT = 115.1447, 35.8006


def _pointed(network: str, title: str, lon: Any, lat: Any) -> dict[str, Any]:
    if network == "party-building":
        return sound(network, title, position={"lon": lon, "lat": lat})
    if network == "enforcement":
        return sound(network, title, location={"type": "Point", "coordinates": [lon, lat]})
    if network == "hotline":
        as_text = {"Longitude": lon, "Latitude": lat}
        given = {k: v if isinstance(v, (str, list, bool)) else str(v) for k, v in as_text.items() if v is not None}
        return sound(network, title, Longitude=..., Latitude=...) | given
    x, y = NAMES[network]
    return sound(network, title, **{x: lon, y: lat})


WITH_POINT = (*NAMES, "party-building", "enforcement", "hotline")
_WRONG: dict[str, tuple[Any, Any]] = {
    "swapped": (LAT, LON),
    "longitude 180.1": (180.1, LAT),
    "longitude -181": (-181, LAT),
    "latitude 90.1": (LON, 90.1),
    "latitude -91": (LON, -91),
    "in millionths of a degree": (115_144_700, 35_800_600),
    "in metres of a map": (12_817_900.5, 4_271_300.5),
    "NaN": (float("nan"), float("nan")),
    "infinity": (float("inf"), LAT),
    "longitude a list": ([LON], LAT),
    "longitude true": (True, LAT),
    "longitude in degrees and minutes": ("115°08'41\"E", LAT),
    "longitude in full-width digits": ("１１５.14", LAT),
    "longitude with a comma": ("115,1447", LAT),
}
_ELSEWHERE: dict[str, tuple[float, float]] = {
    "(0, 0)": (0, 0),
    "(0, 0) as fractions": (0.0, -0.0),
    "at the pole": (0, 90),
    "in the Pacific": (-180, 0),
    "in Shanghai": (121.4737, 31.2304),
    "in Los Angeles": (-118.2437, 34.0522),
    "a kilometre beyond the border": (113.0, 36.5),
}


def points() -> Iterator[Poison]:
    """What is no point on Earth."""
    for network in WITH_POINT:
        for name, (lon, lat) in _WRONG.items():
            title = f"point {name}"
            yield rejected(POINT, title, "schema", _pointed(network, title, lon, lat), network)
    for network in ("policing", "urban-management", "environment", "work-safety", "governance", "party-building"):
        title = "point as text"
        yield rejected(POINT, title, "schema", _pointed(network, title, str(LON), str(LAT)), network)
    shapes = {"one number": [LON], "no numbers": [], "a list within": [[LON, LAT]]}
    for name, coordinates in shapes.items():
        message = sound("enforcement", name, location={"type": "Point", "coordinates": coordinates})
        yield rejected(POINT, f"a point of {name}", "schema", message, "enforcement")
    high = "RFC 7946 allows an altitude behind longitude and latitude; the router ignores it"
    message = sound("enforcement", "high", location={"type": "Point", "coordinates": [LON, LAT, 52.3]})
    yield accepted(POINT, "a point with an altitude", high, message, "enforcement")
    half = "one coordinate alone is not a point; the code in the message gives the place"
    for network in ("policing", "urban-management", "environment", "work-safety", "governance", "party-building"):
        yield accepted(POINT, "half a point", half, _pointed(network, "half a point", LON, None), network)


def elsewhere() -> Iterator[Poison]:
    """Points on Earth, and codes that are well made, but of another place."""
    why = "a point in no cell is dropped; the code in the message decides, or else the city's default cell, and `doubt` says so"
    for network in WITH_POINT:
        for name, (lon, lat) in _ELSEWHERE.items():
            title = f"point {name}"
            yield accepted(ELSEWHERE, title, why, _pointed(network, title, lon, lat), network)
    foreign = "a foreign code goes to the city's default cell, where a person decides, and `doubt` says so"
    codes: dict[str, dict[str, Any]] = {
        "policing": {"jd": None, "gxdwdm": "310101500000", "jjdwdm": None},
        "urban-management": {"x": None, "cellCode": "310101001001001"},
        "environment": {"longitude": None, "communityCode": "310101001001"},
        "social-security": {"communityCode": "310101001001"},
        "party-building": {"position": None, "communityCode": "310101001001"},
        "work-safety": {"JD": None, "ZYWG": "02010131010100100100"},
        "governance": {"lng": None, "grid_code": "310101001001001"},
        "enforcement": {"location": None, "gridCode": "03020131010100100100"},
        "petitions": {"wtsddm": "310101001001"},
        "mediation": {"community_code": "310101001001"},
        "litigation-services": {"defendantCommunity": "310101001001"},
        "hotline": {"Longitude": "", "APC": "Bronx", "NCName": "", "PolicePrecinct": ""},
    }
    for network, fields in codes.items():
        title = "a place of another city"
        yield accepted(ELSEWHERE, title, foreign, sound(network, title, **fields), network)
    for network, field, code in (("urban-management", "cellCode", "0" * 15), ("governance", "grid_code", "9" * 14)):
        title = f"cell {code}"
        pointless = dict.fromkeys(NAMES[network])
        yield accepted(ELSEWHERE, title, foreign, sound(network, title, **pointless, **{field: code}), network)


def codes() -> Iterator[Poison]:
    """Codes that are malformed, and classes that no table has."""
    fields = {
        "urban-management": ("cellCode", "410902001001001"),
        "governance": ("grid_code", "410902001001001"),
        "social-security": ("communityCode", "410902001001"),
        "petitions": ("wtsddm", "410902001001"),
        "mediation": ("community_code", "410902001001"),
        "work-safety": ("ZYWG", "02010141090200160100"),
    }
    for network, (field, code) in fields.items():
        for name, wrong in {
            "of one digit less": code[:-2],
            "of one digit more": code + "1",
            "with a line end": code + "\n",
            "in full-width digits": "４" + code[1:],
            "with a letter": "O" + code[1:],
            "as a number": int(code),
            "negative": "-" + code[1:],
        }.items():
            title = f"`{field}` {name}"
            yield rejected(CODE, title, "schema", sound(network, title, **{field: wrong}), network)
    classes = {
        "urban-management": {"eventCode": "4109027777"},
        "hotline": {"RequestType": "Moon Landing\u202e\x1b[31m"},
        "environment": {"category": "unheard-of"},
        "social-security": {"matterCode": "ZZ99"},
        "party-building": {"matterCode": "DJ9999"},
        "work-safety": {"YHDM": "AQ9999"},
        "enforcement": {"causeCode": "ZF9999"},
        "mediation": {"dispute_type": "77"},
        "litigation-services": {"serviceCode": "9876"},
    }
    for network, given in classes.items():
        title = "a class that no table has"
        yield rejected(CODE, title, "unknown-code", sound(network, title, **given), network)
    version = "a row of the code table without a version counts for all versions"
    message = sound("urban-management", "version", codeVersion="GB/T 30428.2-2999")
    yield accepted(CODE, "a version of the code table that does not exist", version, message, "urban-management")
    both = {"event and component": "4109020102000001", "neither event nor component": ""}
    for title, component in both.items():
        event = ... if not component else "4109020102"
        message = sound("urban-management", title, eventCode=event, componentCode=component)
        yield rejected(CODE, title, "schema", message, "urban-management")
    below = sound("environment", "below") | {"kind": "reading", "stationId": "s-7", "pollutant": "H2S", "unit": "mg/m3"}
    reading = below | {"value": 0.01, "limit": 0.06, "observedAt": "2026-11-24T08:00:00+08:00"}
    yield rejected(CODE, "a reading below its limit", "schema", reading, "environment")
    yield rejected(CODE, "a reading of limit 0", "schema", reading | {"limit": 0}, "environment")
    nan = with_text("environment", "nan reading", "value", "NaN")
    yield rejected(CODE, "a reading of NaN", "schema", nan.replace(b'"complaint"', b'"reading"'), "environment")
