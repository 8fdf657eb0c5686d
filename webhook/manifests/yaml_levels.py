"""The collections that are open while a document is read, and what each makes of its members.

Source: go.yaml.in/yaml/v2 decode.go (`mapping`, `merge`); sigs.k8s.io/yaml yaml.go (keys).
"""

from dataclasses import dataclass
from typing import Any, Protocol

from webhook.manifests import scalars


class FaultError(Exception):
    """Why no value can be built; where no mark is given, it is the event's."""

    def __init__(self, reason: str, mark: Any = None) -> None:
        super().__init__(reason)
        self.mark = mark


class Level(Protocol):
    """A collection that is open, its anchor, and the mark where it began."""

    value: Any
    anchor: str | None
    mark: Any

    def add(self, value: Any, *, merges: bool = False) -> None:
        """Take the next node; `merges` says that it is a key that merges when it is a key."""


@dataclass(slots=True)
class Top:
    """The document itself."""

    value: Any = None
    anchor: str | None = None
    mark: Any = None

    def add(self, value: Any, *, merges: bool = False) -> None:  # noqa: ARG002
        """Take the value of the document."""
        self.value = _carried(value)


@dataclass(slots=True)
class List:
    """A sequence."""

    value: list[Any]
    anchor: str | None
    mark: Any

    def add(self, value: Any, *, merges: bool = False) -> None:  # noqa: ARG002
        """Take a member."""
        self.value.append(_carried(value))


@dataclass(slots=True)
class Mapping:
    """A mapping: keys and values come in turns."""

    value: dict[str, Any]
    anchor: str | None
    mark: Any
    key: str | None = None
    merging: bool = False

    def add(self, value: Any, *, merges: bool = False) -> None:
        """Take a key, or the value of the key before it."""
        if self.merging:
            self._merge(value)
            self.merging = False
        elif self.key is not None:
            self.value[self.key] = _carried(value)
            self.key = None
        elif merges:
            self.merging = True
        else:
            self.key = value if type(value) is str else _key(value)

    def _merge(self, value: Any) -> None:
        """Merge where the key stands: as in go-yaml, that overwrites what stands before it."""
        sources = value if isinstance(value, list) else [value]
        for source in reversed(sources):
            if not isinstance(source, dict):
                raise FaultError("<< wants a mapping or a list of mappings")
            self.value.update(source)


def _key(value: Any) -> str:
    if isinstance(value, dict | list):
        raise FaultError("a mapping or a list is no key")
    try:
        return scalars.key(value)
    except ValueError as error:
        raise FaultError(str(error)) from None


def _carried(value: Any) -> Any:
    if type(value) is not float:
        return value
    try:
        return scalars.json_number(value)
    except ValueError as error:
        raise FaultError(str(error)) from None
