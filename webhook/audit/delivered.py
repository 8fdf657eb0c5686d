"""What a delivery brings: records, each with the decisions in which it was made."""

from typing import Any, Final, TypeGuard

from webhook.core.fields import Raw, mapping, members, text
from webhook.core.frozen import frozen
from webhook.core.record import Record, read_record

_LAST_SECONDS: Final = 4_102_444_800
"""The year 2100: what is later is in milliseconds, or of a clock gone mad."""

_LONGEST_ID: Final = 128


@frozen
class Delivered:
    """A record, and the decisions in which it was made: ids, and seconds since 1970."""

    record: Record
    decisions: tuple[tuple[str, float], ...]


@frozen
class Delivery:
    """What one replica delivers at once."""

    cluster: str
    replica: str
    records: tuple[Delivered, ...]


def read_delivery(raw: Raw) -> Delivery:
    """Read the body of a delivery, all of it; raises `ValueError` that names the place."""
    listed = raw.get("records")
    if not isinstance(listed, list):
        raise ValueError("records: a list is needed")  # noqa: TRY004 - of what was sent
    records = tuple(_delivered(f"records[{at}]", one) for at, one in members(raw, "records"))
    if len(records) != len(listed):
        raise ValueError("records: each has to be an object")
    return Delivery(text(raw, "cluster"), text(raw, "replica"), records)


def _delivered(place: str, raw: Raw) -> Delivered:
    try:
        record = read_record(mapping(raw, "record"))
    except ValueError as error:
        raise ValueError(f"{place}.record: {error}") from error
    listed = raw.get("decisions")
    if not isinstance(listed, list) or not listed:
        raise ValueError(f"{place}.decisions: a list of [id, seconds since 1970] is needed")
    return Delivered(record, tuple(_decision(f"{place}.decisions", one) for one in listed))


def _decision(place: str, one: Any) -> tuple[str, float]:
    match one:
        case [str(name), seconds] if 0 < len(name) <= _LONGEST_ID and is_moment(seconds):
            return name, float(seconds)
    raise ValueError(f"{place}: each has to be [id, seconds since 1970]")


def is_moment(written: Any) -> TypeGuard[float]:
    """Whether these are seconds since 1970, of this century."""
    is_number = isinstance(written, int | float) and not isinstance(written, bool)
    return is_number and 0 <= written < _LAST_SECONDS
