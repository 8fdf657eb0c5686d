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
    assert set(segments.known()) == set(paths[:2])


@pytest.mark.parametrize("moved_after", range(3))
def test_none_is_missed_that_the_kubelet_moves_while_they_are_read(
    moved_after: int, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_path(), make_path()
    mounted = {"path": first, "next": second}
    read: list[str] = []

    def read_text(file: Path, **_: object) -> str:
        if len(read) == moved_after:
            mounted.clear()
            mounted.update({"path": second, "before": first})
        read.append(file.name)
        if file.name not in mounted:
            raise FileNotFoundError(file)
        return mounted[file.name]

    monkeypatch.setattr(Path, "read_text", read_text)
    assert set(Segments(tmp_path, clock).known()) == {first, second}
