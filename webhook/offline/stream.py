"""The objects of a review as the webhook would make them, as a YAML stream for kubectl."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import jsonpatch
import yaml

from webhook.core.fields import Raw
from webhook.manifests.scalars import plain
from webhook.offline.results import Result


class _Dumper(yaml.SafeDumper):
    """Writes YAML that kubectl reads back as the same values."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value in full: aliases of equal parts surprise people."""
        del data
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Quote strings that kubectl's YAML would take for something else (`y`, `1e3`)."""
    if "\n" in value and all(map(_is_plain_line, value.split("\n"))):
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    style = None if value.isprintable() and plain(value) == value else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _is_plain_line(line: str) -> bool:
    """Whether a line can stand in a block: YAML 1.1 breaks lines at odd characters, too."""
    return line.replace("\t", " ").isprintable() and not line.endswith((" ", "\t"))


_Dumper.add_representer(str, _text)


def mutated(results: Iterable[Result]) -> Iterator[str]:
    """Yield one YAML document for each object, in input order."""
    for result in results:
        yield "---\n" + dump(patched(result))


def patched(result: Result) -> Raw:
    """Apply the patches of an object's pods to it."""
    if not result.object_patch:
        return result.raw
    raw: Raw = jsonpatch.apply_patch(copy.deepcopy(result.raw), result.object_patch)
    return raw


def dump(raw: Raw) -> str:
    """Write an object as YAML, its fields in the order in which they were written."""
    text: str = yaml.dump(
        dict(raw), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False
    )
    return text
