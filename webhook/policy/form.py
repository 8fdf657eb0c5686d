"""The form of the document that rules read, to be walked field by field."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from webhook.core.frozen import frozen
from webhook.policy.document import schema

Part = Mapping[str, Any]


@frozen
class Form:
    """What a value may be: each part is a schema, closed as all of that document are."""

    parts: tuple[Part, ...]
    definitions: Mapping[str, Part]

    def field(self, name: str) -> "Form | None":
        """Return the form of a field; None where no value of this form has it."""
        found = []
        for part in self.parts:
            if name in part.get("properties", {}):
                found.append(part["properties"][name])
            elif isinstance(part.get("additionalProperties"), dict):
                found.append(part["additionalProperties"])
        return self._of(found) if found else None

    def member(self) -> "Form | None":
        """Return the form of a member, whichever; None where they differ."""
        if any("properties" in part for part in self.parts):
            return None
        listed = [part.get("items") or part.get("additionalProperties") for part in self.parts]
        found = [one for one in listed if isinstance(one, dict)]
        return self._of(found) if found else None

    def lacks(self, name: str) -> str:
        """Say that there is no such field, and which may have been meant."""
        names = [known for part in self.parts for known in part.get("properties", {})]
        near = get_close_matches(name, names, n=1)
        if near:
            return f"has no {name}; did you mean {near[0]}?"
        has = f"; it has {', '.join(dict.fromkeys(names))}" if names else ""
        return f"has no {name}{has}"

    def _of(self, parts: Iterable[Part]) -> "Form":
        return Form(tuple(one for part in parts for one in self._flat(part)), self.definitions)

    def _flat(self, part: Part) -> Iterator[Part]:
        """Yield what a part may be, with references followed."""
        if "$ref" in part:
            part = self.definitions[part["$ref"].rpartition("/")[2]]
        if "anyOf" not in part:
            yield part
        for one in part.get("anyOf", ()):
            yield from self._flat(one)


def document_form() -> Form:
    """Return the form of the document as a whole."""
    whole = schema()
    return Form((whole,), whole["$defs"])


def unknown_fields(value: Any, form: Form, place: str = "input") -> Iterator[str]:
    """Say of each field of a value, at any depth, that no document has it.

    Fields of either kind of autoscaler, or of overlap, may stand together: a case that says "those
    are other rules' matter" changes nothing but the `type`.
    """
    if isinstance(value, list):
        below = form.member()
        for number, member in enumerate(value):
            if below is not None:
                yield from unknown_fields(member, below, f"{place}[{number}]")
    if isinstance(value, dict):
        for name, member in value.items():
            below = form.field(name)
            if below is None:
                yield f"{place} {form.lacks(name)}"
            else:
                yield from unknown_fields(member, below, f"{place}.{name}")
