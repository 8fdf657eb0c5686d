"""`scaleguard review` of folders with charts and kustomizations, and against a cluster."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.offline.manifests import HPA, VPA, stream

CHART = "apiVersion: v2\nname: web\nversion: 0.1.0\n"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A folder with a plain file and a chart whose templates only a program can read."""
    folder = tmp_path / "deploy"
    (folder / "chart" / "templates").mkdir(parents=True)
    (folder / "hpa.yaml").write_text(stream(HPA), "utf-8")
    (folder / "chart" / "Chart.yaml").write_text(CHART, "utf-8")
    (folder / "chart" / "values.yaml").write_text("name: web\n", "utf-8")
    (folder / "chart" / "templates" / "vpa.yaml").write_text("a: {{ .x }}\n", "utf-8")
    return folder


def install(folder: Path, name: str, output: str, status: int = 0) -> None:
    """Install a program that prints what it is told to, whatever it is asked."""
    (folder / name).write_text(f"#!/bin/sh\n/bin/cat <<'E'\n{output}\nE\nexit {status}\n", "utf-8")
    (folder / name).chmod(0o755)


RENDERED = f"---\n# Source: web/templates/vpa.yaml{VPA}"


def shown(out: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(out)
    return document


def test_a_chart_below_a_folder_meets_the_plain_files(
    run: Run, programs: Path, chart: Path
) -> None:
    install(programs, "helm", RENDERED)
    ended = run("review", chart, "-o", "json")
    assert (ended.status, ended.err) == (1, "")
    found = shown(ended.out)
    assert [one["source"] for one in found["results"]] == [
        {
            "file": f"{chart}/chart/templates/vpa.yaml",
            "document": 1,
            "rendered": f"{chart}/chart/Chart.yaml",
        },
        {"file": f"{chart}/hpa.yaml", "document": 1},
    ]
    assert [one["action"] for one in found["results"]] == ["deny", "deny"]
    assert found["skipped"] == []


def test_in_text_it_stands_under_its_template(run: Run, programs: Path, chart: Path) -> None:
    install(programs, "helm", RENDERED)
    lines = run("review", chart).out.splitlines()
    assert lines[0] == f"{chart}/chart/templates/vpa.yaml"
    assert lines[1] == "  ✗ VerticalPodAutoscaler default/web  rendered document 1"


def test_annotations_point_at_templates(run: Run, programs: Path, chart: Path) -> None:
    (chart / "chart" / "templates" / "vpa.yaml").write_text(
        "{{ if .x }}\napiVersion: x\nkind: VerticalPodAutoscaler\n", "utf-8"
    )
    install(programs, "helm", RENDERED)
    first = run("review", chart, "-o", "github").out.splitlines()[0]
    assert first.startswith(f"::error file={chart}/chart/templates/vpa.yaml,line=3,title=")
    log = shown(run("review", chart, "-o", "sarif").out)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("/chart/templates/vpa.yaml")
    assert place["region"]["startLine"] == 3


def test_without_helm_one_line_and_the_skipped_say_so(
    run: Run, programs: Path, chart: Path
) -> None:
    assert list(programs.iterdir()) == []
    ended = run("review", chart, "-o", "json")
    assert ended.status == 0
    assert ended.err == f"not rendered: there is no helm on the PATH: {chart}/chart\n"
    reasons = {
        Path(one["source"]["file"]).name: one["reason"] for one in shown(ended.out)["skipped"]
    }
    assert reasons["Chart.yaml"] == "a chart, and there is no helm on the PATH to render it"
    assert reasons["vpa.yaml"].startswith("not plain YAML: line 1: found '{{'")


def test_many_that_are_not_rendered_are_one_line(run: Run, programs: Path, tmp_path: Path) -> None:
    assert programs.is_dir()
    for name in "abcde":
        (tmp_path / "all" / name).mkdir(parents=True)
        (tmp_path / "all" / name / "kustomization.yaml").write_text("resources: []", "utf-8")
    all_ = tmp_path / "all"
    line = f"there is no kustomize on the PATH: {all_}/a, {all_}/b, {all_}/c and 2 more\n"
    assert run("review", all_).err == f"not rendered: {line}"


def test_no_render_reads_the_files_as_they_are(run: Run, programs: Path, chart: Path) -> None:
    install(programs, "helm", RENDERED)
    ended = run("review", chart, "--no-render", "-o", "json")
    assert (ended.status, ended.err) == (0, "")
    reasons = [one["reason"] for one in shown(ended.out)["skipped"]]
    assert len(reasons) == 3
    assert not any("on the PATH" in reason for reason in reasons)


def test_a_chart_that_cannot_be_rendered_is_unreadable(
    run: Run, programs: Path, chart: Path
) -> None:
    install(programs, "helm", "", status=1)
    ended = run("review", chart)
    assert ended.status == 2
    assert "a chart that cannot be rendered: helm failed without a word; --no-render" in ended.out


def test_fix_never_writes_what_was_rendered(run: Run, programs: Path, chart: Path) -> None:
    install(programs, "helm", RENDERED)
    template = (chart / "chart" / "templates" / "vpa.yaml").read_bytes()
    ended = run("review", chart, "--fix")
    assert ended.status == 1
    place = f"{chart}/chart/templates/vpa.yaml rendered document 1"
    assert ended.err == (
        f"not fixed: {place}: it was rendered: mend the template, the values or the kustomization "
        "that it comes from\n"
    )
    assert (chart / "chart" / "templates" / "vpa.yaml").read_bytes() == template
    assert (chart / "hpa.yaml").read_text("utf-8") == stream(HPA)


def test_a_plain_file_is_fixed_beside_a_chart(run: Run, programs: Path, chart: Path) -> None:
    install(programs, "helm", f"---\n# Source: web/templates/vpa.yaml{HPA}")
    (chart / "hpa.yaml").write_text(stream(VPA), "utf-8")
    assert run("review", chart, "--fix").status == 0
    assert "controlledResources: [memory]" in (chart / "hpa.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--no-render", "--helm-values", "{values}"], "--helm-values is for rendering"),
        (["--kubeconfig", "{values}"], "--kubeconfig names a cluster: add --against-cluster"),
        (["--context", "x"], "--context names a cluster: add --against-cluster"),
    ],
)
def test_what_would_do_nothing_is_refused(
    run: Run, chart: Path, options: list[str], message: str
) -> None:
    values = chart / "chart" / "values.yaml"
    ended = run("review", chart, *[one.format(values=values) for one in options])
    assert ended.status == 2
    assert message in ended.err


def test_values_without_a_chart_are_refused(run: Run, programs: Path, chart: Path) -> None:
    assert programs.is_dir()
    values = chart / "chart" / "values.yaml"
    ended = run("review", chart / "hpa.yaml", "--helm-values", values)
    assert ended.status == 2
    assert "there is no chart (Chart.yaml) below these paths" in ended.err


def test_a_cluster_that_is_not_there_is_told(run: Run, chart: Path, tmp_path: Path) -> None:
    ended = run(
        "review", chart / "hpa.yaml", "--against-cluster", "--kubeconfig", chart / "hpa.yaml"
    )
    assert ended.status == 2
    assert "kubeconfig" in ended.err
    nothing = tmp_path / "nothing.yaml"
    nothing.write_text("", "utf-8")
    assert run("review", nothing, "--against-cluster").status == 0
