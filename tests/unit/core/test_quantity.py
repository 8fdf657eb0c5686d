from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.core import quantity

UNIT = quantity.NANOS_PER_UNIT
LARGEST = 2**63 - 1

# Each row was run through ParseQuantity of k8s.io/apimachinery v0.37.2 (Quantity.UnmarshalJSON).
READ = [
    ("0", 0),
    ("1", UNIT),
    ("00012", 12 * UNIT),
    ("000.000", 0),
    ("-1", -UNIT),
    ("-0", 0),
    ("+1e+3", 1000 * UNIT),
    ("0.5", UNIT // 2),
    (".5", UNIT // 2),
    ("1.", UNIT),
    ("500m", UNIT // 2),
    ("1n", 1),
    ("1u", 1000),
    ("1k", 10**3 * UNIT),
    ("1M", 10**6 * UNIT),
    ("1G", 10**9 * UNIT),
    ("1T", 10**12 * UNIT),
    ("1P", 10**15 * UNIT),
    ("1E", 10**18 * UNIT),
    ("12E", 12 * 10**18 * UNIT),
    ("1Ki", 2**10 * UNIT),
    ("1Mi", 2**20 * UNIT),
    ("1Gi", 2**30 * UNIT),
    ("1Ti", 2**40 * UNIT),
    ("1Pi", 2**50 * UNIT),
    ("1Ei", 2**60 * UNIT),
    ("1.5Gi", 3 * 2**29 * UNIT),
    (".5Gi", 2**29 * UNIT),
    ("1.Gi", 2**30 * UNIT),
    ("0.1Ki", 102_400_000_000),
    ("0.0001Ki", 102_400_000),
    ("7.9Ei", 9108079886394091110_400_000_000),
    ("8Ei", LARGEST * UNIT),
    ("9Ei", LARGEST * UNIT),
    ("-9Ei", -LARGEST * UNIT),
    ("9223372036854775808", (LARGEST + 1) * UNIT),
    ("1e3", 1000 * UNIT),
    ("1E3", 1000 * UNIT),
    ("1E+3", 1000 * UNIT),
    ("1e03", 1000 * UNIT),
    ("1e-9", 1),
    ("1e-10", 1),
    ("-1e-10", -1),
    ("1.0005", 1_000_500_000),
    ("0.1n", 1),
    ("-0.1n", -1),
    (".0000000001", 1),
    (" 1 ", UNIT),
    # A sign, a point, a suffix or an exponent alone.
    ("m", 0),
    ("k", 0),
    ("E", 0),
    ("Gi", 0),
    ("Ti", 0),
    (".", 0),
    ("+", 0),
    ("-", 0),
    ("-.", 0),
    ("e3", 0),
    ("E3", 0),
    (".e3", 0),
    ("e-9", 0),
    ("0Ei", 0),
]
REFUSED = [
    "",
    " ",
    "e",
    "1e",
    "1e+",
    "e-10",
    "Ei",
    "Pi",
    ".Ei",
    "1e1.5",
    "1e5Gi",
    "1K",
    "1ki",
    "1mi",
    "1Mb",
    "1MB",
    "0x10",
    "1_000",
    "1,5",
    "1 Gi",
    "1EE",
    "1m5",
    "1.2.3",
    "--1",
    "+-1",
    "NaN",
    "inf",
    "${GPU_COUNT}",
    "٣",
    "\t1",
    "1\n",
]


@pytest.mark.parametrize(("text", "nanos"), READ)
def test_what_kubernetes_reads(text: str, nanos: int) -> None:
    assert quantity.parse(text) == nanos


@pytest.mark.parametrize("text", REFUSED)
def test_what_kubernetes_refuses(text: str) -> None:
    assert quantity.parse(text) is None


@pytest.mark.parametrize(
    ("value", "nanos"),
    [(2, 2 * UNIT), (0, 0), (-1, -UNIT), (0.5, UNIT // 2), (1e-7, 100), (1e22, 10**22 * UNIT)],
)
def test_numbers_are_quantities_too(value: float, nanos: int) -> None:
    assert quantity.parse(value) == nanos


@pytest.mark.parametrize(
    "value", [True, False, None, [], {}, ["1"], b"1", float("nan"), float("inf")]
)
def test_other_types_are_none(value: object) -> None:
    assert quantity.parse(value) is None


def test_what_is_absurdly_long_is_no_quantity() -> None:
    for value in (10**65, -(10**65), 16**5000, "1" * 65, "1" * 5000, "0." + "0" * 100):
        assert quantity.parse(value) is None


@pytest.mark.parametrize("text", ["1e10000000000", "1e999999", "-1E+2147483648", "1e-999999999999"])
def test_exponents_are_bounded(text: str) -> None:
    nanos = quantity.parse(text)
    assert nanos is not None
    assert abs(nanos) <= 10 ** (quantity.LARGEST_EXPONENT + 9)


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "0"),
        (2 * UNIT, "2"),
        (UNIT // 2, "500m"),
        (1_000_500_000, "1"),
        (1_930_999_999, "1930m"),
        (999_999, "0"),
    ],
)
def test_cpu_is_written_in_whole_millicores(nanos: int, text: str) -> None:
    assert quantity.cpu(nanos) == text


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "0"),
        (UNIT // 2, "0"),
        (1500 * 10**6 * UNIT, "1500000000"),
        (2**10 * UNIT, "1Ki"),
        (3 * 2**29 * UNIT, "1536Mi"),
        (8 * 2**30 * UNIT, "8Gi"),
        (2**40 * UNIT, "1Ti"),
        (2**60 * UNIT, "1048576Ti"),
    ],
)
def test_memory_is_written_with_the_largest_exact_suffix(nanos: int, text: str) -> None:
    assert quantity.memory(nanos) == text


@given(st.integers(0, 2**63 - 1))
def test_memory_written_is_read_back(size: int) -> None:
    assert quantity.parse(quantity.memory(size * UNIT)) == size * UNIT


@given(st.integers(0, 10**9))
def test_cpu_written_is_read_back(millis: int) -> None:
    nanos = millis * quantity.NANOS_PER_MILLI
    assert quantity.parse(quantity.cpu(nanos)) == nanos


FACTORS = {
    "": Fraction(1),
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 10**3),
    "k": Fraction(10**3),
    "Mi": Fraction(2**20),
    "Gi": Fraction(2**30),
    "e-7": Fraction(1, 10**7),
    "E5": Fraction(10**5),
}


@given(
    sign=st.sampled_from(["", "+", "-"]),
    digits=st.text("0123456789", min_size=1, max_size=9),
    fraction=st.none() | st.text("0123456789", max_size=12),
    suffix=st.sampled_from(sorted(FACTORS)),
)
def test_exact_or_rounded_away_from_zero(
    sign: str, digits: str, fraction: str | None, suffix: str
) -> None:
    written = digits if fraction is None else f"{digits}.{fraction}"
    nanos = ceil(Fraction(written.rstrip(".")) * FACTORS[suffix] * UNIT)
    assert quantity.parse(sign + written + suffix) == (-nanos if sign == "-" else nanos)


@given(st.text(max_size=12) | st.text("0123456789.+-eEinumkKMGTP ", max_size=12))
def test_any_text_is_answered(text: str) -> None:
    nanos = quantity.parse(text)
    assert nanos is None or isinstance(nanos, int)
