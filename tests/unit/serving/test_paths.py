from pathlib import Path

import pytest

from certs.rollover import make_path
from webhook.serving.paths import Segments


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_each_that_is_mounted_is_answered_and_no_other(tmp_path: Path, clock: Clock) -> None:
    segments = Segments(tmp_path, clock)
    assert segments.known() == ()
    paths = [make_path() for _ in range(3)]
    for name, path in zip(("path", "next", "before"), paths, strict=True):
        (tmp_path / name).write_text(f"{path}\n", "ascii")
    assert paths[0] not in segments, "they are looked at once a second"
    clock.now += 1
    assert all(path in segments for path in paths)
    for other in (make_path(), "", "validate", paths[0][:-1], "é"):
        assert other not in segments
    (tmp_path / "before").unlink()
    clock.now += 1
    assert segments.known() == tuple(paths[:2])


def test_what_was_known_is_answered_while_nothing_is_mounted(tmp_path: Path, clock: Clock) -> None:
    segments, path = Segments(tmp_path, clock), make_path()
    (tmp_path / "path").write_text(path, "ascii")
    assert path in segments
    for broken in (b"", b"\xff", b"../validate"):
        (tmp_path / "path").write_bytes(broken)
        clock.now += 1
        assert path in segments
        assert "" not in segments
