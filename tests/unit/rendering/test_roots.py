"""Which files are charts and kustomizations, and which files these speak for."""

from pathlib import Path

import pytest

from webhook.manifests import files
from webhook.rendering.roots import ONLY_FOR_ROOTS, Root, plan

BOTH = frozenset({"helm", "kustomize"})
CHART = "apiVersion: v2\nname: web\nversion: 0.1.0\n"
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


def planned(folder: Path, programs: frozenset[str] = BOTH, **written: str) -> list[str]:
    """Write files (`__` is a slash, `_yaml` the suffix); name what is planned, roots as [roots]."""
    for name, text in written.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    found = []
    for one in plan(files([str(folder)], ONLY_FOR_ROOTS), programs):
        name = Path(one.file if isinstance(one, Root) else one).relative_to(folder).as_posix()
        if isinstance(one, Root):
            name = f"[{name}: {one.chart}{' partial' if one.partial else ''}]"
        found.append(name)
    return found


def test_a_chart_speaks_for_everything_below_it(tmp_path: Path) -> None:
    found = planned(
        tmp_path,
        a_yaml="",
        charts__web__Chart_yaml=CHART,
        charts__web__values_yaml="",
        charts__web__templates__all_yaml="",
        charts__web__charts__sub__Chart_yaml=CHART,
        charts__web__ci__kustomization_yaml="resources: [../../../a.yaml]",
        charts__webs__b_yaml="",
    )
    assert found == ["a.yaml", "[charts/web/Chart.yaml: web]", "charts/webs/b.yaml"]


def test_without_its_program_a_chart_keeps_its_files(tmp_path: Path) -> None:
    found = planned(tmp_path, frozenset({"kustomize"}), Chart_yaml=CHART, templates__all_yaml="")
    assert found == ["[Chart.yaml: web]", "templates/all.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name: web\n",
        "apiVersion: v2\n",
        "apiVersion: v9\nname: web\n",
        "apiVersion: v2\nname: {{ .name }}\n",
        f"{CHART}---\n{CHART}",
        "- a\n",
    ],
)
def test_what_is_no_chart(tmp_path: Path, text: str) -> None:
    assert planned(tmp_path, Chart_yaml=text, a_yaml="") == ["Chart.yaml", "a.yaml"]


def test_a_library_chart_is_no_whole(tmp_path: Path) -> None:
    assert planned(tmp_path, Chart_yaml=f"{CHART}type: library\n") == ["[Chart.yaml: web partial]"]


def test_a_base_is_rendered_by_its_overlays_alone(tmp_path: Path) -> None:
    found = planned(
        tmp_path,
        base__kustomization_yaml="resources: [hpa.yaml, ./vpa.yaml]",
        base__hpa_yaml="",
        base__vpa_yaml="",
        base__beside_yaml="",
        parts__kustomization_yaml=f"{KUSTOMIZATION}components: []".replace(
            "kind: Kustomization", "kind: Component"
        ),
        dev__Kustomization="resources: [../base]\ncomponents: [../parts]",
        prod__kustomization_yaml=(
            f"{KUSTOMIZATION}resources: [../base/]\nnamespace: dev\n"
            "patches: [{path: patch.yaml}]\nconfigMapGenerator: [{name: a, files: [b=conf.yaml]}]"
        ),
        prod__patch_yaml="",
        prod__conf_yaml="",
    )
    assert found == [
        "base/beside.yaml",
        "[dev/Kustomization: None]",
        "[prod/kustomization.yaml: None]",
    ]


def test_a_component_that_nothing_uses_is_no_whole(tmp_path: Path) -> None:
    text = KUSTOMIZATION.replace("Kustomization", "Component")
    assert planned(tmp_path, kustomization_yaml=text) == ["[kustomization.yaml: None partial]"]


def test_without_its_program_a_kustomization_keeps_its_files(tmp_path: Path) -> None:
    found = planned(
        tmp_path,
        frozenset(),
        base__kustomization_yaml="resources: [a.yaml]",
        base__a_yaml="",
        over__kustomization_yaml="resources: [../base]",
    )
    assert found == [
        "base/a.yaml",
        "base/kustomization.yaml",
        "[over/kustomization.yaml: None]",
    ]


def test_flux_has_objects_in_files_of_that_name(tmp_path: Path) -> None:
    flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {path: a.yaml}\n"
    found = planned(tmp_path, kustomization_yaml=flux, a_yaml="", b__kustomization_yaml="a: [")
    assert found == ["a.yaml", "b/kustomization.yaml", "kustomization.yaml"]


def test_files_that_are_named_one_by_one(tmp_path: Path) -> None:
    root, other = tmp_path / "kustomization.yaml", tmp_path / "a.yaml"
    root.write_text("resources: [a.yaml]", "utf-8")
    other.write_text("", "utf-8")
    given = files([str(other), str(root), "-"])
    assert plan(given, BOTH) == [Root(str(root), None), "-"]
    assert Root(str(root), None).folder == str(tmp_path)
