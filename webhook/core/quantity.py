"""Kubernetes quantities as exact integers.

The unit is the nano (10⁻⁹), the finest step that a quantity can hold, so comparison never rounds.
Source: k8s.io/apimachinery pkg/api/resource/quantity.go (`ParseQuantity`).
"""

import re
from functools import lru_cache

FINEST_DECIMALS = 9
NANOS_PER_UNIT: int = 10**FINEST_DECIMALS
NANOS_PER_MILLI = 10**6

# Values with a binary suffix are capped at 2⁶³-1 whole units; decimal ones have no cap.
LARGEST_BINARY_NANOS = (2**63 - 1) * NANOS_PER_UNIT

# `ParseQuantity` reads exponents of up to 32 bits. Beyond ±80 no resource of this world is meant,
# and the power of ten must stay cheap to compute.
LARGEST_EXPONENT = 80

# Longest text that is read, and the integer of as many digits. Kubernetes has no such bound; Python
# refuses to write integers of more than 4,300 digits.
LONGEST_TEXT = 64
LARGEST_INTEGER = 10**LONGEST_TEXT

_REMEMBERED = 4096

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_GRAMMAR = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?"
    r"(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]+))?"
)


def parse(value: object) -> int | None:
    """Read a quantity as Kubernetes does; the result is in nanos, None where it is not a quantity.

    Numbers are accepted beside strings, since JSON and YAML carry both (`cpu: 2`, `cpu: "2"`).
    """
    if isinstance(value, str):
        text = value.strip(" ")
    elif isinstance(value, float):
        text = repr(value)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_INTEGER:
        text = str(value)
    else:
        return None
    return _read(text) if 0 < len(text) <= LONGEST_TEXT and text.isascii() else None


# A cluster writes few different ones.
@lru_cache(_REMEMBERED)
def _read(text: str) -> int | None:
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        return None
    digits, fraction = match["whole"] + (match["fraction"] or ""), match["fraction"] or ""
    suffix, exponent = match["suffix"] or "", _bounded(int(match["exponent"] or "0"))
    # A sign, suffix or exponent alone is zero to `ParseQuantity`, unless it takes its slow path.
    if not digits and (suffix in {"Ei", "Pi"} or exponent < -FINEST_DECIMALS):
        return None
    value_of_digits: int = int(digits or "0") * 1024 ** _BINARY.get(suffix, 0)
    power = _DECIMAL.get(suffix, 0) + exponent - len(fraction) + FINEST_DECIMALS
    # Precision finer than a nano is rounded away from zero.
    nanos: int = value_of_digits * 10**power if power >= 0 else -(-value_of_digits // 10**-power)
    if suffix in _BINARY:
        nanos = min(nanos, LARGEST_BINARY_NANOS)
    return -nanos if match["sign"] == "-" else nanos


def _bounded(exponent: int) -> int:
    return max(-LARGEST_EXPONENT, min(LARGEST_EXPONENT, exponent))


def number(nanos: int) -> int | float:
    """Write a quantity as a number of cores, bytes or devices: whole where it is whole."""
    return nanos / NANOS_PER_UNIT if nanos % NANOS_PER_UNIT else nanos // NANOS_PER_UNIT


def cpu(nanos: int) -> str:
    """Write a cpu quantity in the canonical form, in whole millicores where it is not whole."""
    millis = nanos // NANOS_PER_MILLI
    return f"{millis}m" if millis % 1000 else str(millis // 1000)


def memory(nanos: int) -> str:
    """Write a memory quantity in bytes with the largest binary suffix that keeps it exact."""
    size, suffix = nanos // NANOS_PER_UNIT, ""
    for larger in ("Ki", "Mi", "Gi", "Ti"):
        if size == 0 or size % 1024:
            break
        size, suffix = size // 1024, larger
    return f"{size}{suffix}"
