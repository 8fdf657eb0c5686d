from datetime import datetime, timedelta

from certs.authority import make_authority
from certs.kept import (
    Data,
    is_path,
    read_authorities,
    read_paths,
    written_authorities,
    written_paths,
)
from certs.pair import Pair
from certs.phases import Phased
from certs.rollover import make_path


def present(data: Data) -> dict[str, bytes]:
    return {name: value for name, value in data.items() if value is not None}


def test_what_is_written_is_read(now: datetime) -> None:
    later = now + timedelta(days=1)
    before = Pair(make_authority(now).certificate)
    for authorities in (
        Phased(make_authority(now), now),
        Phased(make_authority(now), now, next=make_authority(now)),
        Phased(make_authority(now), now, before=before),
    ):
        assert read_authorities(present(written_authorities(authorities)), later) == authorities
    for paths in (
        Phased(make_path(), now),
        Phased(make_path(), now, make_path()),
        Phased(make_path(), now, None, make_path()),
    ):
        assert read_paths(present(written_paths(paths)), later) == paths


def test_what_is_no_more_is_taken_away(now: datetime) -> None:
    settled = written_authorities(Phased(make_authority(now), now))
    assert {name for name, value in settled.items() if value is None} == {
        *("next.crt", "next.key", "before.crt", "before.key"),
    }
    assert written_paths(Phased("a", now))["next"] is None


def test_what_somebody_broke_is_read_as_far_as_it_goes(now: datetime) -> None:
    assert read_authorities({}, now) is None
    assert read_authorities({"ca.crt": b"x", "since": b"\xff"}, now) == Phased(Pair(b"x"), now)
    assert read_authorities({"ca.key": b"x", "since": b"soon"}, now) == Phased(Pair(b"", b"x"), now)
    assert read_paths({"path": b"../../etc"}, now) is None
    assert read_paths({"path": b"\xff" * 32}, now) is None
    path = make_path()
    found = read_paths({"path": f"{path}\n".encode(), "since": b"2026-01-01T00:00:00"}, now)
    assert found is not None
    assert (found.current, found.since.utcoffset()) == (path, timedelta())


def test_paths_are_what_the_api_server_takes_and_nobody_guesses() -> None:
    paths = {make_path() for _ in range(100)}
    assert len(paths) == 100
    assert all(is_path(path) and path == path.lower() and len(path) == 32 for path in paths)
    assert not is_path("validate")
