"""What is rendered, as entries of a review: each in the template that it comes from."""

from pathlib import Path

import pytest

from tests.unit.offline.manifests import HPA, VPA
from webhook.manifests import Document, Entry, Skipped, Source, Unreadable
from webhook.rendering.programs import Programs
from webhook.rendering.rendered import render
from webhook.rendering.roots import Root


@pytest.fixture
def chart(tmp_path: Path) -> Root:
    (tmp_path / "templates").mkdir()
    hpa = "{{- if .Values.on }}\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n"
    (tmp_path / "templates" / "hpa.yaml").write_text(hpa, "utf-8")
    both = "kind: VerticalPodAutoscaler\n---\nkind: VerticalPodAutoscaler\n"
    (tmp_path / "templates" / "vpa.yaml").write_text(both, "utf-8")
    (tmp_path / "Chart.yaml").write_text("name: web\n", "utf-8")
    return Root(str(tmp_path / "Chart.yaml"), "web")


def rendered(root: Root, output: str) -> list[Entry]:
    folder = Path(root.folder)
    (folder / "output").write_text(output, "utf-8")
    helm = folder / "helm"
    helm.write_text(f"#!/bin/sh\nexec cat '{folder}/output'\n", "utf-8")
    helm.chmod(0o755)
    return render(root, Programs((str(helm),), (str(helm),)), ())


def named(root: Root, path: str) -> str:
    return str(Path(root.folder) / path)


def test_documents_are_placed_in_their_templates(chart: Root) -> None:
    output = (
        f"---\n# Source: web/templates/hpa.yaml{HPA}"
        f"---\n# Source: web/templates/vpa.yaml{VPA}"
        f"---\n# Source: web/charts/packed/templates/vpa.yaml{VPA}"
        "---\n# Source: web/templates/vpa.yaml\na: [\n"
        "---\n# Source: web/templates/vpa.yaml\na: b\n"
    )
    entries = rendered(chart, output)
    hpa, vpa = named(chart, "templates/hpa.yaml"), named(chart, "templates/vpa.yaml")
    assert [entry.source for entry in entries] == [
        Source(hpa, 1, rendered=chart.file),
        Source(vpa, 2, rendered=chart.file),
        Source(chart.file, 3, rendered=chart.file),
        Source(vpa, 4, rendered=chart.file),
        Source(vpa, 5, rendered=chart.file),
    ]
    assert [type(entry) for entry in entries] == [*[Document] * 3, Unreadable, Skipped]
    assert [entry.source.line for entry in entries] == [3, None, None, None, None]


def test_a_kustomization_is_the_place_of_all_that_it_renders(tmp_path: Path) -> None:
    root = Root(str(tmp_path / "kustomization.yaml"), None)
    (entry,) = rendered(root, HPA)
    assert str(entry.source) == f"{root.file} rendered document 1"
    assert entry.source.as_json() == {"file": root.file, "document": 1, "rendered": root.file}


def test_what_is_not_rendered_says_why(chart: Root) -> None:
    (missing,) = render(chart, Programs(), ())
    assert missing == Skipped(
        Source(chart.file, 1), "a chart, and there is no helm on the PATH to render it"
    )
    library = Root(chart.file, "web", partial=True)
    (partial,) = render(library, Programs(("helm",), ()), ())
    assert isinstance(partial, Skipped)
    assert partial.reason.startswith("a chart that is no whole: it is rendered only as a part")
    (broken,) = render(chart, Programs((named(chart, "gone"),), ()), ())
    assert broken == Unreadable(
        Source(chart.file, 1),
        "a chart that cannot be rendered: gone cannot be started: No such file or directory; "
        "--no-render leaves it out",
    )


def test_output_that_is_no_text(chart: Root) -> None:
    helm = Path(chart.folder) / "helm"
    helm.write_text("#!/bin/sh\nprintf '\\377'\n", "utf-8")
    helm.chmod(0o755)
    (broken,) = render(chart, Programs((str(helm),), ()), ())
    assert isinstance(broken, Unreadable)
    assert "not UTF-8" in broken.reason
