"""RFC 3339 by the examples of its section 5.8 and our own: every digit of a second, both cases, leap seconds."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.instants import from_rfc3339, us


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520000+00:00"),
        ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57+00:00"),
        ("1990-12-31T23:59:60Z", "1991-01-01T00:00:00+00:00"),  # the second after it, as in POSIX time
        ("1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00+00:00"),
        ("2017-01-01T07:59:60.5+08:00", "2017-01-01T00:00:00.500000+00:00"),
        ("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870000+00:00"),
        ("2026-11-24T01:40:00.1234567Z", "2026-11-24T01:40:00.123456+00:00"),  # .NET writes seven digits
        ("2026-11-24T01:40:00.123456789Z", "2026-11-24T01:40:00.123456+00:00"),  # Go and Java write nine
        ("2026-11-24T01:40:00.999999999Z", "2026-11-24T01:40:00.999999+00:00"),  # cut, not rounded
        ("2026-11-24t01:40:00z", "2026-11-24T01:40:00+00:00"),
        ("2026-11-24t09:40:00.1234567+08:00", "2026-11-24T01:40:00.123456+00:00"),
        ("2026-11-24T01:40:00-00:00", "2026-11-24T01:40:00+00:00"),
        ("2026-11-24t23:59:60z", "2026-11-25T00:00:00+00:00"),
    ],
)
def test_every_form_of_the_standard_is_read(text: str, instant: str) -> None:
    assert from_rfc3339(text).astimezone(UTC).isoformat() == instant


@pytest.mark.parametrize(
    "text",
    [
        "2016-12-31T23:58:60Z",
        "2016-12-31T12:59:60Z",
        "2016-12-31T23:59:60+08:00",  # in UTC it is 15:59:60
        "2016-12-31T23:59:61Z",
        "2016-12-31T23:59:60",  # without a zone the minute in UTC is unknown
        "9999-12-31T23:59:60Z",
        "0001-01-01T00:59:60+14:00",
        "2026-11-24T25:00:00Z",
        "2026-02-29t00:00:00z",
        "z",
        "ßßßßßßßßßßßßßßßßß60Z",
        "",
    ],
)
def test_what_is_no_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_rfc3339(text)


@given(
    at=st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)),  # noqa: DTZ001 - hypothesis adds the zone
    offset=st.integers(-14 * 60, 14 * 60),
    more=st.text("0123456789", max_size=9),
    lower=st.booleans(),
)
def test_a_written_instant_is_read_again(at: datetime, offset: int, more: str, lower: bool) -> None:
    zoned = at.replace(tzinfo=timezone(timedelta(minutes=offset)))
    text = zoned.isoformat(timespec="microseconds")
    text = f"{text[:26]}{more}{text[26:]}"
    assert from_rfc3339(text.lower() if lower else text) == zoned
    assert us(from_rfc3339(text)) == us(zoned)
