"""How authorities and paths are written in Secrets, and read where somebody may have edited."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from certs.pair import Pair
from certs.phases import Phased

PATH_FILES = ("path", "next", "before")
"""What the webhook answers: the files of the Secret's volume, each with one path."""

Data = dict[str, bytes | None]
"""Of a Secret; None: it is not there."""

_PATH = re.compile(r"[0-9a-f]{32}")


def is_path(text: str) -> bool:
    """Whether a text can be one that was made here."""
    return _PATH.fullmatch(text) is not None


def read_authorities(data: Mapping[str, bytes], now: datetime) -> Phased[Pair] | None:
    """Read authorities; None where there is no current one, good or not."""
    current, following, before = (_pair(data, name) for name in ("ca", "next", "before"))
    if current is None:
        return None
    return Phased(current, _since(data, now), following, before)


def written_authorities(state: Phased[Pair]) -> Data:
    """Write authorities; what is no more is None."""
    data: Data = {"since": _time(state.since)}
    for name, pair in (("ca", state.current), ("next", state.next), ("before", state.before)):
        data[f"{name}.crt"] = pair.certificate or None if pair is not None else None
        data[f"{name}.key"] = pair.key or None if pair is not None else None
    return data


def read_paths(data: Mapping[str, bytes], now: datetime) -> Phased[str] | None:
    """Read paths; None where there is no current one that can be used."""
    current, following, before = (_path(data.get(name, b"")) for name in PATH_FILES)
    if current is None:
        return None
    return Phased(current, _since(data, now), following, before)


def written_paths(state: Phased[str]) -> Data:
    """Write paths; what is no more is None."""
    values = (state.current, state.next, state.before)
    data: Data = {
        name: value.encode() if value is not None else None
        for name, value in zip(PATH_FILES, values, strict=True)
    }
    return data | {"since": _time(state.since)}


def _pair(data: Mapping[str, bytes], name: str) -> Pair | None:
    pair = Pair(data.get(f"{name}.crt", b""), data.get(f"{name}.key", b""))
    return None if pair.is_absent else pair


def _path(written: bytes) -> str | None:
    text = written.decode("ascii", "replace").strip()
    return text if is_path(text) else None


def _since(data: Mapping[str, bytes], now: datetime) -> datetime:
    """Read when a phase began; now, where that cannot be read: it then lasts a little longer."""
    try:
        found = datetime.fromisoformat(data.get("since", b"").decode())
    except ValueError:
        return now
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _time(moment: datetime) -> bytes:
    return moment.astimezone(UTC).isoformat().encode()
