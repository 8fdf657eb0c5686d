"""`review --fix` and `--diff`: what is written to disk, what goes where, and the exit status."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.offline.manifests import HPA, VPA, stream
from webhook.cli import fixing

IDLE_HPA = HPA.replace("maxReplicas: 10", "maxReplicas: 2").replace("name: web", "name: idle")
CONFLICT = stream(HPA, VPA)
ADDED = """\
  resourcePolicy:
    containerPolicies:
      - containerName: "*"
        controlledResources: [memory]
"""
REMEDY = 'set controlledResources: [memory] for container "*" in VerticalPodAutoscaler default/web'


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An HPA and its VPA in two files."""
    (tmp_path / "hpa.yaml").write_text(stream(HPA), encoding="utf-8")
    (tmp_path / "vpa.yaml").write_text(stream(VPA), encoding="utf-8")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_are_fixed_and_the_rest_is_judged(run: Run, files: Path) -> None:
    (files / "idle.yaml").write_text(stream(IDLE_HPA), encoding="utf-8")
    before = contents(files)
    ended = run("review", files, "--fix")
    assert ended.status == 0
    assert ended.err == f"fixed: {files}/vpa.yaml document 1: {REMEDY} [hpa-vpa-same-metric]\n"
    assert "warn hpa-no-effect" in ended.out
    assert ended.out.endswith("\n3 objects: 1 warned of\n")
    assert contents(files) == before | {"vpa.yaml": before["vpa.yaml"] + ADDED.encode()}
    assert run("review", files, "--fix", "--fail-on", "warn").status == 1
    again = run("review", files, "--fix", "-o", "json")
    assert json.loads(again.out)["summary"]["denied"] == 0
    assert (again.status, again.err) == (0, "")
    assert contents(files)["vpa.yaml"] == before["vpa.yaml"] + ADDED.encode()


def test_nothing_to_fix_touches_nothing(run: Run, files: Path) -> None:
    (files / "hpa.yaml").unlink()
    before = (files / "vpa.yaml").stat()
    assert run("review", files, "--fix").err == ""
    after = (files / "vpa.yaml").stat()
    # It is read, and that may be noted in st_atime.
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns, after.st_mode) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_mode,
    )


def test_the_mode_of_a_file_stays_and_a_link_stays_a_link(run: Run, files: Path) -> None:
    (files / "vpa.yaml").rename(files / "real")
    (files / "real").chmod(0o640)
    (files / "vpa.yaml").symlink_to("real")
    assert run("review", files, "--fix").status == 0
    assert (files / "vpa.yaml").is_symlink()
    assert (files / "real").read_text("utf-8") == stream(VPA) + ADDED
    assert (files / "real").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in files.iterdir()) == ["hpa.yaml", "real", "vpa.yaml"]


def test_a_file_that_cannot_be_written(run: Run, files: Path) -> None:
    (files / "vpa.yaml").chmod(0o444)
    before = contents(files)
    ended = run("review", files, "--fix")
    assert ended.status == 1
    assert ended.err == f"not fixed: {files}/vpa.yaml document 1: the file cannot be written\n"
    assert "2 objects: 2 denied" in ended.out
    assert contents(files) == before


def test_a_folder_that_takes_no_file(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fixing, "NamedTemporaryFile", full)
    before = contents(files)
    ended = run("review", files, "--fix")
    assert ended.status == 1
    assert ended.err.endswith("vpa.yaml document 1: No space left on device\n")
    assert contents(files) == before


def test_a_file_that_changes_while_it_is_fixed(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another_hand(_: int) -> None:
        (files / "vpa.yaml").write_text("mine: now\n", encoding="utf-8")

    monkeypatch.setattr(os, "fsync", another_hand)
    ended = run("review", files, "--fix")
    assert ended.status == 1
    assert "the file is another than the one that was judged: run it again" in ended.err
    assert contents(files) == {"hpa.yaml": stream(HPA).encode(), "vpa.yaml": b"mine: now\n"}


def test_what_is_left_alone_is_told(run: Run, files: Path) -> None:
    (files / "more.yaml").write_text(stream(VPA), encoding="utf-8")
    ended = run("review", files, "--fix")
    assert ended.status == 1
    assert ended.err == (
        "not fixed: VerticalPodAutoscaler default/web: it stands in several places: "
        f"{files}/more.yaml document 1, {files}/vpa.yaml document 1\n"
    )


def test_what_cannot_be_read_is_two_after_a_fix_as_well(run: Run, files: Path) -> None:
    (files / "broken.yaml").write_text("a: [", encoding="utf-8")
    ended = run("review", files, "--fix")
    assert ended.status == 2
    assert ADDED in (files / "vpa.yaml").read_text("utf-8")


# ---------------------------------------------------------------- standard input


def test_the_fixed_stream_goes_to_stdout(run: Run) -> None:
    text = stream(HPA, VPA, "replicas: 2  # ü", IDLE_HPA)
    ended = run("review", "-", "--fix", stdin=text)
    assert ended.status == 0
    assert ended.out == text.replace("Recreate}\n", f"Recreate}}\n{ADDED}")
    first, second, *rest = ended.err.splitlines()
    assert first == f"fixed: - document 2: {REMEDY} [hpa-vpa-same-metric]"
    assert second.startswith("warn: - document 4: [hpa-no-effect] ")
    assert rest == [
        "left out: - document 3: not a Kubernetes object: it has no apiVersion and no kind"
    ]


def test_a_stream_without_anything_to_fix_comes_through(run: Run) -> None:
    assert run("review", "-", "--fix", stdin=stream(HPA)) == (0, stream(HPA), "")
    assert run("review", "-", "--fix", stdin="").status == 2


def test_a_file_beside_a_stream(run: Run, files: Path) -> None:
    ended = run("review", files / "vpa.yaml", "-", "--fix", stdin=stream(HPA))
    assert ended.status == 0
    assert ended.out == stream(HPA)
    assert ADDED in (files / "vpa.yaml").read_text("utf-8")


def test_bytes_of_a_stream_stay_what_they_are(tmp_path: Path) -> None:
    content = stream(HPA, VPA, "x: ü").replace("\n", "\r\n").encode("utf-8-sig")
    command = [sys.executable, "-m", "webhook", "review", "-", "--fix"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(
        command, input=content, env=environment, cwd=Path.cwd(), capture_output=True, check=False
    )
    added = ADDED.replace("\n", "\r\n").encode()
    assert ended.stdout == content.replace(b"Recreate}\r\n", b"Recreate}\r\n" + added)
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- the diff


def test_a_diff_is_shown_and_nothing_written(run: Run, files: Path) -> None:
    before = contents(files)
    ended = run("review", files, "--diff")
    assert ended.status == 1
    assert ended.err == ""
    assert ended.out.splitlines() == [
        f"--- {files}/vpa.yaml",
        f"+++ {files}/vpa.yaml",
        "@@ -4,3 +4,7 @@",
        " spec:",
        "   targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}",
        "   updatePolicy: {updateMode: Recreate}",
        *(f"+{line}" for line in ADDED.splitlines()),
    ]
    assert contents(files) == before


def test_a_diff_of_standard_input(run: Run) -> None:
    ended = run("review", "-", "--diff", stdin=CONFLICT)
    assert ended.status == 1
    assert ended.out.startswith("--- stdin\n+++ stdin\n@@ ")
    assert run("review", "-", "--diff", stdin=stream(HPA)) == (0, "", "")


def test_a_diff_of_utf_16_is_text(run: Run, files: Path) -> None:
    (files / "vpa.yaml").write_text(stream(VPA), encoding="utf-16")
    assert "\n+  resourcePolicy:\n" in run("review", files, "--diff").out


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_diff_is_one_for_patch(tmp_path: Path, line_break: str, end: str) -> None:
    text = (CONFLICT.rstrip("\n") + end).replace("\n", line_break)
    (tmp_path / "a.yaml").write_bytes(text.encode())
    command = [sys.executable, "-m", "webhook", "review", str(tmp_path / "a.yaml")]
    diff = subprocess.run([*command, "--diff"], capture_output=True, check=False).stdout
    assert (b"\\ No newline at end of file" in diff) is (end == "")
    shown = diff.decode().replace(f"{tmp_path}/", "")
    ended = subprocess.run(
        ["git", "apply", "-p0", "-"],
        cwd=tmp_path,
        input=shown.encode(),
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    patched = (tmp_path / "a.yaml").read_bytes()
    (tmp_path / "a.yaml").write_bytes(text.encode())
    subprocess.run([*command, "--fix"], capture_output=True, check=True)
    assert (tmp_path / "a.yaml").read_bytes() == patched


def test_a_diff_is_coloured_on_a_terminal_and_steers_none(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    (files / "vpa.yaml").write_text(
        stream(VPA).replace("spec:", "spec:  # \u202e"), encoding="utf-8"
    )
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    run("review", files, "--diff")
    shown = terminal.getvalue()
    assert "\x1b[32m+  resourcePolicy:\x1b[0m\n" in shown
    assert "\u202e" not in shown
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", plain := Terminal())
    run("review", files, "--diff")
    assert "\x1b" not in plain.getvalue()
