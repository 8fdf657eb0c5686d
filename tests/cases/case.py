"""Case files: manifests with the verdict that they must get.

A case is `tests/cases/<topic>/<verdict>.<why>.yaml`. Its first document says what it shows and what
is expected; the others are the manifests, one world. CONTRIBUTING describes the format.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from webhook.core.objects import reference

FOLDER = Path(__file__).parent
VERDICTS = ("deny", "warn", "audit", "allow", "fit", "leave")
_HEADER = {"shows", "config", "expect", "old", "request"}


@dataclass(frozen=True, slots=True)
class Case:
    """One case file."""

    path: Path
    header: dict[str, Any]
    objects: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return self.path.relative_to(FOLDER).as_posix().removesuffix(".yaml")

    @property
    def verdict(self) -> str:
        return self.path.name.partition(".")[0]

    @property
    def expected(self) -> dict[str, dict[str, Any]]:
        return self.header.get("expect") or {}

    def is_requested(self, raw: dict[str, Any]) -> bool:
        """Whether somebody writes the object; in a case about one request the others are there."""
        return self.header.get("request") in {None, label(raw)}

    def is_twice(self, name: str) -> bool:
        """Whether an object is there in two versions, as a base and its overlay are."""
        return [label(raw) for raw in self.objects].count(name) > 1

    def old(self, raw: dict[str, Any]) -> dict[str, Any] | None:
        """The object before the update, where the case is about an update."""
        found: dict[str, Any] | None = (self.header.get("old") or {}).get(label(raw))
        return found


def label(raw: dict[str, Any]) -> str:
    """How a case names an object: kind/name, with the namespace between where it is not default."""
    return ref_label(reference(raw).as_json())


def ref_label(ref: dict[str, Any]) -> str:
    name = ref["name"] if ref["name"] is not None else ref["generateName"]
    inside = ref["namespace"] not in {None, "default"}
    return f"{ref['kind']}/{ref['namespace']}/{name}" if inside else f"{ref['kind']}/{name}"


def load(path: Path) -> Case:
    # libyaml's loader: all cases are read before the first test, by each process that runs tests.
    read = yaml.load_all(path.read_text("utf-8"), yaml.CSafeLoader)
    header, *objects = [document for document in read if document is not None]
    unknown = set(header) - _HEADER
    assert not unknown, f"{path}: unknown keys in the header: {unknown}"
    assert header.get("shows"), f"{path}: the header does not say what the case shows"
    return Case(path, header, objects)


def cases(*folders: str) -> list[Case]:
    """All cases, or those of the given topics."""
    return [case for case in _all() if not folders or case.path.parent.name in folders]


@cache
def _all() -> tuple[Case, ...]:
    return tuple(load(path) for path in sorted(FOLDER.glob("*/*.yaml")))
