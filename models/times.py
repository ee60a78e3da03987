"""Event time: whole milliseconds since 1970 inside, ISO 8601 UTC with milliseconds outside."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The last moment that ISO 8601 can write; a clock that counts microseconds claims later ones.
LAST_MS = 253_402_300_799_999


def to_iso(milliseconds: int) -> str:
    """Write a time as ISO 8601 UTC with milliseconds; one before 1970 or after 9999 as the nearest within.

    >>> to_iso(0)
    '1970-01-01T00:00:00.000Z'
    """
    moment = EPOCH + timedelta(milliseconds=min(max(milliseconds, 0), LAST_MS))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_milliseconds(value: int | str) -> int:
    """Read epoch milliseconds or ISO 8601; a time without an offset is taken as UTC. Raises ValueError.

    >>> to_milliseconds("1970-01-01T00:00:01Z")
    1000
    """
    if isinstance(value, int):
        return value
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(milliseconds=1)
