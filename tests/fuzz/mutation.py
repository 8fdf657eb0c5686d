"""Make inputs of inputs, by their structure: JSON stays JSON, texts are put together from pieces.

A byte that is flipped makes something that is refused at once. What gets deep into the code is a
real document in which a field is absent, of another type or size, twice, or somewhere else.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import msgspec

Mutate = Callable[[bytes, Random], bytes]
Prepare = Callable[[Sequence[bytes]], Mutate]
"""Makes of all seeds what makes an input of an input."""

MOST_BYTES = 16_384
_MOST_STEPS = 4
_STOPS = 0.15

Slot = tuple[Any, Any]
"""A container and the key, or the index, of one of its members."""

# What has been a surprise somewhere: edges of integers, quantities, names that are none.
NASTY: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 0.1, -0.0),
    *(1e308,),
    *("", " ", "0", "-1", "cpu", "memory", "nvidia.com/gpu", "*", "Off", "Auto", "true", "null"),
    *("1e9999", "9Ei", "-5m", "0x10", "1n", "NaN", "100%", "Deployment", "apps/v1", "v1", "/"),
    *("~1", "a/b/c", "../..", "%2e", "web\n", "\x00", "\u2028", "\uff43pu", "ÿ", "\U0001f600"),
    *("x" * 300, "9" * 70, "0." + "0" * 40 + "1", [], {}, [None], [[]], {"": None}, ["cpu", "cpu"]),
)  # fmt: skip


def document(data: bytes) -> Any:
    """What an input of JSON says; None for what is none: a fuzzer tries nothing at all, too."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def by_structure(seeds: Sequence[bytes]) -> Mutate:
    """Change documents of JSON; pieces of the others, and their keys, turn up in each."""
    documents = [one for seed in seeds if (one := document(seed)) is not None]
    keys = sorted({key for one in documents for key in _keys(one)})
    most = _most_bytes(seeds)

    def mutate(data: bytes, random: Random) -> bytes:
        changed = document(data)
        if changed is None:
            changed = copy.deepcopy(random.choice(documents))
        for _ in range(random.randint(1, _MOST_STEPS)):
            changed = _changed(changed, keys, documents, random)
        made = msgspec.json.encode(changed)
        return made if len(made) <= most else random.choice(seeds)

    return mutate


def by_pieces(words: Sequence[str]) -> Prepare:
    """Change texts: cut, double, put in words, or pieces of the others."""

    def prepared(seeds: Sequence[bytes]) -> Mutate:
        most = _most_bytes(seeds)

        def mutate(data: bytes, random: Random) -> bytes:
            for _ in range(random.randint(1, _MOST_STEPS)):
                data = _spliced(data, words, seeds, random)
            return data[:most]

        return mutate

    return prepared


def either(*prepares: Prepare) -> Prepare:
    """Change inputs in one of several ways, by chance."""

    def prepared(seeds: Sequence[bytes]) -> Mutate:
        ways = [prepare(seeds) for prepare in prepares]
        return lambda data, random: random.choice(ways)(data, random)

    return prepared


def _most_bytes(seeds: Sequence[bytes]) -> int:
    """What an input may grow to: large ones are slow, and say the same."""
    return min(2 * max(map(len, seeds)) + 256, MOST_BYTES)


def _slot(document: Any, random: Random) -> Slot | None:
    """A member somewhere in a document: go down from member to member, and stop by chance."""
    parent, found = document, None
    while parent and isinstance(parent, dict | list):
        key = random.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
        found = parent, key
        parent = parent[key]
        if random.random() < _STOPS:
            break
    return found


def _keys(value: Any) -> Iterator[str]:
    """The names of all members of a document."""
    if isinstance(value, dict):
        yield from value
    members = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    )
    for member in members:
        yield from _keys(member)


def _changed(document: Any, keys: Sequence[str], others: Sequence[Any], random: Random) -> Any:
    slot = _slot(document, random)
    if slot is None:
        return copy.deepcopy(random.choice(others))
    parent, key = slot
    way = random.randrange(10)
    if way < 3:
        parent[key] = copy.deepcopy(random.choice(NASTY))
    elif way < 5:
        parent[key] = _near(parent[key], random)
    elif way == 5:
        del parent[key]
    elif way == 6:
        parent[key] = copy.deepcopy(_piece(random.choice(others), random))
    elif way == 7:
        parent[key] = copy.deepcopy(_piece(document, random))
    elif way == 8:
        parent[key] = _wrapped(parent[key], random)
    else:
        _renamed(parent, key, keys, random)
    return document


def _piece(document: Any, random: Random) -> Any:
    slot = _slot(document, random)
    return document if slot is None else slot[0][slot[1]]


def _near(value: Any, random: Random) -> Any:
    """Something like a value: a number beside it, a text with a character more, a list doubled."""
    if isinstance(value, bool):
        return random.choice((not value, str(value), str(value).lower(), int(value)))
    if isinstance(value, int | float):
        return random.choice((value + 1, -value, value * 1000, str(value), [value]))
    if isinstance(value, str):
        at = random.randint(0, len(value))
        more = random.choice(("", " ", "0", "m", "-", "/", ".", "*", "\n", "É", value[:50], "~"))
        return random.choice((value[:at] + more + value[at:], value[:at], value.upper()))
    if isinstance(value, list):
        doubled = value + copy.deepcopy(value[:4])
        return random.choice((doubled, value[::-1], value[:1], []))
    return value


def _wrapped(value: Any, random: Random) -> Any:
    deep = random.choice((1,) * 20 + (2, 5, 20, 200))
    for _ in range(deep):
        value = [value] if random.random() < 0.5 else {random.choice(("a", "spec", "")): value}
    return value


def _renamed(parent: Any, key: Any, keys: Sequence[str], random: Random) -> None:
    if isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[random.randrange(len(parent))]))
        return
    other = random.choice((random.choice(keys), key.upper(), key + "s", "", key[:-1]))
    parent[other] = parent[key] if random.random() < 0.5 else parent.pop(key)


def _spliced(data: bytes, words: Sequence[str], seeds: Sequence[bytes], random: Random) -> bytes:
    at, to = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
    way = random.randrange(7)
    if way < 3:
        return data[:at] + random.choice(words).encode(errors="surrogatepass") + data[at:]
    if way == 3:
        return data[:at] + data[min(to, at + 8) :]
    if way == 4:
        return data[:to] + data[at : at + 200] * random.choice((1, 1, 2, 40)) + data[to:]
    other = random.choice(seeds)
    if way == 5:
        begin = random.randint(0, len(other))
        return data[:at] + other[begin : begin + random.randint(1, 60)] + data[at:]
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :] if len(data) > 2 else other
