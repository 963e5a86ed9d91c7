"""Times that do not exist, are written in another way, or are very long ago or ahead."""

from collections.abc import Iterator

from router.domain.networks.registry import NETWORKS
from tests.support.poison.record import Poison, accepted, rejected, sound

NO_TIME = "times that do not exist"
OTHER_FORM = "times in another form"
FAR = "times long ago or far ahead"

FIELDS = {
    "policing": "bjsj",
    "urban-management": "reportTime",
    "environment": "reportedAt",
    "social-security": "reportedAt",
    "hotline": "CreatedDate",
    "party-building": "raisedAt",
    "work-safety": "SBSJ",
    "governance": "report_time",
    "enforcement": "registerTime",
    "petitions": "djsj",
    "mediation": "accepted_at",
    "litigation-services": "filedAt",
    "open311": "occurred_at",
    "cap": "sent",
}
COMPACT = {"policing", "governance", "petitions"}
ZONED = {"environment", "party-building", "litigation-services", "open311", "cap"}
_WRONG = {
    "month 13": "2026-13-01 08:00:00",
    "month 0": "2026-00-10 08:00:00",
    "day 0": "2026-11-00 08:00:00",
    "31 November": "2026-11-31 08:00:00",
    "29 February of no leap year": "2026-02-29 08:00:00",
    "24:00": "2026-11-24 24:00:00",
    "25:00": "2026-11-24 25:00:00",
    "minute 60": "2026-11-24 08:60:00",
    "second 60": "2026-11-24 08:00:60",
    "a leap second": "2016-12-31 23:59:60",
    "the year 0000": "0000-01-01 00:00:00",
    "the year 1900": "1900-01-01 00:00:00",
    "1969": "1969-12-31 23:59:59",
    "2200": "2200-01-01 00:00:00",
    "9999": "9999-12-31 23:59:59",
}
_OTHER = {
    "a word": "yesterday",
    "seconds since 1970": "1795485600",
    "milliseconds since 1970": "1795485600000",
    "a date alone": "2026-11-24",
    "a week": "2026-W48-2",
    "day first": "24.11.2026 08:00",
    "in Chinese": "2026年11月24日8时",
    "a mail's date": "Tue, 24 Nov 2026 08:00:00 +0800",
    "zero dates of a database": "0000-00-00 00:00:00",
    "a blank behind": "2026-11-24 08:00:00 ",
    "a line end behind": "2026-11-24 08:00:00\n",
    "full-width digits": "２０26-11-24 08:00:00",
    "Arabic digits": "٢٠٢٦-11-24 08:00:00",
    "a program": "2026-11-24 08:00:00'); DROP TABLE--",
    "10,000 digits": "2" * 10_000,
}


def spelled(network: str, text: str) -> str:
    """`yyyy-MM-dd HH:mm:ss` as the network writes it."""
    if network in COMPACT:
        return "".join(char for char in text if char not in "-: ")
    if network in ZONED:
        return text.replace(" ", "T") + "+08:00"
    if network != "hotline":
        return text
    year, month, day, hour = text[:4], text[5:7], text[8:10], int(text[11:13])
    half, shown = ("PM" if 12 <= hour < 24 else "AM"), (hour if hour > 23 else (hour + 11) % 12 + 1)
    return f"{month}/{day}/{year} {shown:02}{text[13:]} {half}"


def impossible() -> Iterator[Poison]:
    """By every network's own way of writing."""
    for network, field in FIELDS.items():
        for name, text in _WRONG.items():
            title = f"time with {name}" if name[0] in "ms" else f"time of {name}"
            message = sound(network, title, **{field: spelled(network, text)})
            yield rejected(NO_TIME, title, "bad-time", message, network)


def other_form() -> Iterator[Poison]:
    """By one network of each way of writing."""
    for network in ("policing", "urban-management", "environment", "hotline"):
        field = FIELDS[network]
        for name, text in _OTHER.items():
            message = sound(network, name, **{field: text})
            yield rejected(OTHER_FORM, f"time as {name}", "bad-time", message, network)
        for name, number in (("a number", 1795485600), ("a number of milliseconds", 1.7954856e12), ("a list", [2026])):
            yield rejected(OTHER_FORM, f"time as {name}", "bad-time", sound(network, name, **{field: number}), network)
    for network in sorted(ZONED):
        for name, text in {
            "no zone": "2026-11-24T08:00:00",
            "the name of a zone": "2026-11-24T08:00:00 Asia/Shanghai",
            "a zone of 25 hours": "2026-11-24T08:00:00+25:00",
            "a zone without colon": "2026-11-24T08:00:00+0800",
            "a blank for the T": "2026-11-24 08:00:00+08:00",
            "a comma before the fraction": "2026-11-24T08:00:00,5+08:00",
        }.items():
            message = sound(network, name, **{FIELDS[network]: text})
            yield rejected(OTHER_FORM, f"time with {name}", "bad-time", message, network)
    for network in sorted(ZONED):
        for name, text in {
            "seven digits of a second": "2026-11-24T08:00:00.1234567+08:00",
            "nine digits of a second": "2026-11-24T00:00:00.123456789Z",
            "t and z in lower case": "2026-11-24t00:00:00z",
            "a leap second": "2016-12-31T23:59:60Z",
        }.items():
            message = sound(network, name, **{FIELDS[network]: text})
            yield accepted(OTHER_FORM, f"zoned time with {name}", "RFC 3339 allows this form", message, network)
    for network in ("policing", "social-security"):
        zoned = sound(network, "zone", **{FIELDS[network]: "2026-11-24T08:00:00+08:00"})
        yield rejected(OTHER_FORM, "a zone where wall time belongs", "bad-time", zoned, network)


def far() -> Iterator[Poison]:
    """1970 and 2199 are the first and the last year that a report may have."""
    why = "the year may be real; windows and limits count from the received time, and nothing of another year merges"
    for network in NETWORKS:
        field = FIELDS[network]
        for name, text in (("1970", "1970-01-01 00:00:00"), ("2199", "2199-12-31 23:59:59")):
            title = f"time of {name}"
            yield accepted(FAR, title, why, sound(network, title, **{field: spelled(network, text)}), network)
    later = "phones' clocks are wrong; what happened after it was reported is kept as it was said"
    message = sound("policing", "later", sfsj="20270101000000", bjsj="20261124080000")
    yield accepted(FAR, "it happened after it was reported", later, message)
    summer = "China set its clocks forward until 1991; the skipped hour is read with the offset before the change"
    yield accepted(FAR, "an hour that clocks skipped", summer, sound("policing", "summer", bjsj="19860504023000"))
