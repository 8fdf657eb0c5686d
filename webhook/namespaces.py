"""Build what holds in some namespaces alone from what a configuration says of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from webhook.core.finding import Action
from webhook.core.mode import Mode
from webhook.core.selector import Selector, read_selector
from webhook.core.verdict import NamespaceSettings


def build_namespaces(data: Mapping[str, Any]) -> tuple[NamespaceSettings, ...]:
    """Build the exceptions of a checked configuration, in its order."""
    return tuple(
        NamespaceSettings(
            read_selector(written["selector"]),
            read_actions(written),
            Mode(written["mode"]) if "mode" in written else None,
        )
        for written in data.get("namespaces", ())
    )


def read_actions(written: Mapping[str, Any]) -> dict[str, Action]:
    """Read `rules`, of everybody or of some namespaces."""
    return {rule: Action(action) for rule, action in written.get("rules", {}).items()}


def quoted(data: Any) -> Any:
    """Take YAML's boolean for an unquoted `off`, of a rule or mode, as what it was meant to be."""
    if not isinstance(data, dict):
        return data
    meant = dict(data)
    if isinstance(data.get("rules"), dict):
        said = data["rules"].items()
        meant["rules"] = {rule: "off" if action is False else action for rule, action in said}
    vpa = data.get("vpa")
    if isinstance(vpa, dict) and vpa.get("mode") is False:
        meant["vpa"] = vpa | {"mode": "off"}
    for name in ("namespaces", "profiles"):
        if isinstance(data.get(name), list):
            meant[name] = [quoted(one) for one in data[name]]
    return meant


def namespace_faults(data: Any) -> Iterator[str]:
    """Yield what a schema cannot say: members that say nothing, mean all, or are never reached."""
    listed = data.get("namespaces") if isinstance(data, dict) else None
    seen: dict[Selector, int] = {}
    for index, written in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(written, dict):
            continue
        if not written.keys() & {"mode", "rules"}:
            yield f"namespaces[{index}]: says nothing: give it a mode or rules"
        selector, place = written.get("selector"), f"namespaces[{index}].selector"
        if not isinstance(selector, dict):
            continue
        read = read_selector(selector)
        if not any(selector.values()):
            yield f"{place}: selects every namespace: write it outside of namespaces"
        elif read in seen:
            yield f"{place}: never reached: namespaces[{seen[read]}] selects the same"
        seen.setdefault(read, index)
