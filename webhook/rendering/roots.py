"""Which of the files are charts and kustomizations, and which other files they speak for.

Only names and the two kinds of files themselves are looked at: nothing is rendered here.
"""

from collections.abc import Iterator, Sequence
from os.path import normpath
from pathlib import PurePath
from typing import Any

from webhook.core.fields import Raw, mapping, text
from webhook.core.frozen import frozen
from webhook.manifests import parts, paths, yaml_values
from webhook.manifests.yaml_builder import Copies

CHART = "Chart.yaml"
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
ONLY_FOR_ROOTS = frozenset({"Kustomization"})
"""Names without a suffix: folders are searched for them, and they hold nothing else."""

_KUSTOMIZE_GROUP = "kustomize.config.k8s.io/"
_CHART_VERSIONS = frozenset({"v1", "v2"})

# Where a kustomization names files, or folders with one: elsewhere a word is just a word.
_FIELDS_OF_FOLDERS = ("resources", "bases", "components")
_FIELDS_OF_FILES = (
    *_FIELDS_OF_FOLDERS,
    *("configMapGenerator", "configurations", "crds", "generators", "helmCharts", "openapi"),
    *("patches", "patchesJson6902", "patchesStrategicMerge", "replacements", "secretGenerator"),
    *("transformers", "validators"),
)


@frozen
class Root:
    """A chart, or a kustomization that no other one uses: what is rendered as a whole."""

    file: str
    """Its Chart.yaml or kustomization.yaml."""
    chart: str | None
    """The name of the chart; None for a kustomization."""
    partial: bool = False
    """Whether it is only rendered as a part of others: a library chart, a component."""

    @property
    def folder(self) -> str:
        """The folder that is rendered."""
        return str(PurePath(self.file).parent)

    @property
    def program(self) -> str:
        """What renders it."""
        return "kustomize" if self.chart is None else "helm"


def plan(files: Sequence[str], programs: frozenset[str]) -> list[str | Root]:
    """Put roots in the place of their files, and leave out what they speak for.

    That is everything below a chart, and the files that kustomizations name. Of what no program is
    there to render the files stay, beside a root in the place of its own file.
    """
    charts = _charts(files)
    inside = {root.folder for root in charts}
    kustomizations = [
        found
        for file in files
        if not _is_below(file, inside) and (found := _kustomization(file)) is not None
    ]
    used, named = _used(kustomizations)
    tops = [one.root for one in kustomizations if normpath(one.root.folder) not in used]
    roots = {root.file: root for root in (*charts, *tops)}
    rendered = inside if "helm" in programs else set()
    spoken_for = named if "kustomize" in programs else set()
    return [
        roots.get(file, file)
        for file in files
        if file in roots
        or not (
            _is_below(file, rendered)
            or normpath(file) in spoken_for
            or PurePath(file).name in ONLY_FOR_ROOTS
        )
    ]


def _charts(files: Sequence[str]) -> list[Root]:
    """Return the charts; those inside of another one are its dependencies."""
    found: list[Root] = []
    inside: set[str] = set()
    for file in sorted(files, key=lambda one: len(PurePath(one).parts)):
        if PurePath(file).name != CHART or _is_below(file, inside):
            continue
        content = _content(file)
        if text(content, "name") and text(content, "apiVersion") in _CHART_VERSIONS:
            root = Root(file, text(content, "name"), text(content, "type") == "library")
            found.append(root)
            inside.add(root.folder)
    return found


def _is_below(file: str, folders: set[str]) -> bool:
    return bool(folders) and any(str(one) in folders for one in PurePath(file).parents)


@frozen
class _Kustomization:
    root: Root
    content: Raw


def _kustomization(file: str) -> _Kustomization | None:
    """Read a kustomization. Flux has objects of this kind, too, which nothing is rendered of."""
    if PurePath(file).name not in KUSTOMIZATIONS:
        return None
    content = _content(file)
    version = text(content, "apiVersion")
    if not content or (version and not version.startswith(_KUSTOMIZE_GROUP)):
        return None
    return _Kustomization(Root(file, None, text(content, "kind") == "Component"), content)


def _used(kustomizations: Sequence[_Kustomization]) -> tuple[set[str], set[str]]:
    """Return the folders that kustomizations use, and everything else that they name."""
    used, named = set[str](), {normpath(one.root.file) for one in kustomizations}
    for one in kustomizations:
        folder = PurePath(one.root.folder)
        for name in _FIELDS_OF_FILES:
            for word in _words(one.content.get(name)):
                place = normpath(folder / word.rpartition("=")[2])
                named.add(place)
                if name in _FIELDS_OF_FOLDERS:
                    used.add(place)
    return used, named


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for member in value:
            yield from _words(member)
    elif isinstance(value, dict):
        for member in value.values():
            yield from _words(member)


def _content(file: str) -> Raw:
    """Return the value of a file of one document; empty where it has none, or is no mapping."""
    copies = Copies()
    try:
        values = [yaml_values.parse(part, copies) for part in parts.split(paths.text_of(file))]
    except (paths.CannotReadError, yaml_values.BrokenError):
        return {}
    return mapping({"content": values[0]}, "content") if len(values) == 1 else {}
