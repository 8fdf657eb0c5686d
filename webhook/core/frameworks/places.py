"""Where pods stand in the objects that make them: as templates, as bare specs, or in pieces."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from webhook.core.fields import Raw, sequence, text
from webhook.core.frameworks.pieces import container_of, described, pod_of
from webhook.core.frozen import frozen
from webhook.core.patch import Operation, Segment, pointer

Path = tuple[Segment, ...]

Assembler = Callable[[str, Raw], Iterable[tuple[Path, Raw]]]
"""Makes pods as an operator would, of an object's name and the part that describes them; with each
pod goes the path, in that part, of what describes it."""


@frozen
class Template:
    """A pod that is made from an object: where it stands there, and it."""

    path: Path
    raw: Raw
    parts: Mapping[str, Path] | None = None
    """Where the pod's spec and metadata stand, unless they stand together in a pod template."""
    assembled: bool = False
    """Put together from pieces: the object has no place that its patch could be written to."""

    def placed(self, patch: Iterable[Operation]) -> list[Operation]:
        """Move operations on the pod to the object, leaving out those that have no place there."""
        if self.assembled:
            return []
        if self.parts is None:
            return [{**each, "path": pointer(self.path) + each["path"]} for each in patch]
        moved = []
        for each in patch:
            part, _, rest = each["path"][1:].partition("/")
            if part in self.parts:
                moved.append({**each, "path": f"{pointer(self.parts[part])}/{rest}"})
        return moved


@frozen
class PodTemplate:
    """A pod template stands at a path."""

    path: str

    def find(self, raw: Raw) -> Iterator[Template]:
        """Yield the pod templates there."""
        for at, trail in _reach(raw, self.path):
            if isinstance(trail[-1].get("spec"), dict):
                yield Template(at, trail[-1])


@frozen
class PodSpec:
    """A pod's spec stands at a path without a template around it.

    With `container` one of several fields (`of`) may describe the main container in place of
    `containers`; pods that are described so are assembled.
    """

    path: str
    metadata: int | None = None
    """How many steps above the spec the pod's labels and annotations stand, where they do."""
    container: str = ""
    of: tuple[str, ...] = ()

    def find(self, raw: Raw) -> Iterator[Template]:
        """Yield the pods of the specs there."""
        for at, trail in _reach(raw, self.path):
            spec = trail[-1]
            above = {} if self.metadata is None else described(trail[-1 - self.metadata])
            main = next((spec[name] for name in self.of if isinstance(spec.get(name), dict)), None)
            if main is None and "" in self.of:
                main = spec
            if main is not None:
                made = [container_of(self.container, main), *sequence(spec, "containers")]
                yield Template(at, pod_of(spec, made, above), assembled=True)
            elif isinstance(spec.get("containers"), list):
                parts: dict[str, Path] = {"spec": at}
                if self.metadata is not None:
                    parts["metadata"] = at[: len(at) - self.metadata]
                yield Template(at, {"metadata": above, "spec": spec}, parts)


@frozen
class Assembled:
    """Pods that exist only in pieces; a function puts them together as their operator would."""

    path: str
    assemble: Assembler

    def find(self, raw: Raw) -> Iterator[Template]:
        """Yield the pods that are made of the pieces there."""
        metadata = raw.get("metadata")
        name = text(metadata, "name") if isinstance(metadata, dict) else ""
        for at, trail in _reach(raw, self.path):
            for below, pod in self.assemble(name, trail[-1]):
                yield Template((*at, *below), pod, assembled=True)


Place = PodTemplate | PodSpec | Assembled


def _reach(raw: Raw, path: str) -> Iterator[tuple[Path, tuple[Any, ...]]]:
    """Yield (where, all values on the way) for the mappings at a path."""
    segments = path.replace("[]", ".[]").split(".") if path else []
    for at, trail in _descend(raw, segments, (), ()):
        if isinstance(trail[-1], dict):
            yield at, trail


def _descend(
    value: Any, segments: list[str], at: Path, trail: tuple[Any, ...]
) -> Iterator[tuple[Path, tuple[Any, ...]]]:
    trail = (*trail, value)
    if not segments:
        yield at, trail
        return
    segment, rest = segments[0], segments[1:]
    if segment == "[]":
        items: Iterable[tuple[Segment, Any]] = enumerate(value) if isinstance(value, list) else ()
    elif not isinstance(value, dict):
        items = ()
    elif segment == "*":
        items = value.items()
    else:
        items = ((segment, value.get(segment)),)
    for step, member in items:
        yield from _descend(member, rest, (*at, step), trail)
