"""Any text is a quantity or none, within bounds; signs mirror, and what we write is read back."""

from tests.fuzz.mutation import by_pieces
from tests.fuzz.target import Target
from webhook.core.quantity import (
    LARGEST_EXPONENT,
    LONGEST_TEXT,
    NANOS_PER_MILLI,
    NANOS_PER_UNIT,
    cpu,
    memory,
    number,
    parse,
)

SUFFIXES = ["", *"numkMGTPE", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E-3", "e+80", "e-81"]
NUMBERS = ["0", "1", "-1", "+2", "0.5", ".5", "5.", "0.000000001", "123456789", "999999999999", "8"]
LARGEST = 10 ** (LONGEST_TEXT + LARGEST_EXPONENT + 9)


def seeds() -> list[bytes]:
    return [f"{one}{suffix}".encode() for one in NUMBERS for suffix in SUFFIXES]


def run(data: bytes) -> None:
    written = data.decode(errors="replace")
    nanos = parse(written)
    for value in (written, _number(written)):
        found = parse(value)
        assert found is None or (type(found) is int and abs(found) <= LARGEST)
    if nanos is None:
        return
    assert isinstance(number(nanos), int | float)
    if written.lstrip(" ")[:1] not in {"+", "-"} and len(written) < LONGEST_TEXT:
        assert parse("-" + written.strip(" ")) == -nanos
    if 0 <= nanos < 10**27:
        assert parse(cpu(nanos)) == nanos - nanos % NANOS_PER_MILLI
        assert parse(memory(nanos)) == nanos - nanos % NANOS_PER_UNIT


def _number(written: str) -> object:
    """The number that JSON makes of a text, where it makes one."""
    try:
        return float(written) if "." in written or "e" in written else int(written)
    except ValueError:
        return None


TARGET = Target(
    run=run,
    seeds=seeds,
    mutate=by_pieces([*SUFFIXES[1:], *NUMBERS, "i", "+", "-", ".", " ", "٣", "e", "E", "\n"]),
    share=4000,
)
