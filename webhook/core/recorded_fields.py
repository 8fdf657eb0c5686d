"""What is recorded of an object: the fields that rules read, by an allow-list, within a bound.

Never env, args, commands, volumes, probes, foreign annotations or credentials of triggers: what is
not named here is left out.
"""

import json
from collections.abc import Iterator
from typing import Any

from webhook.core.autoscalers.kinds import AUTOSCALERS
from webhook.core.fields import Raw, mapping, members, strings, text
from webhook.core.kinds import Kind, Kinds, templates
from webhook.core.objects import kind_of
from webhook.core.pod import containers
from webhook.core.scrub import scrubbed_all
from webhook.core.slim import identity_and_target, slim

# A pod of five containers with requests, limits and ten tolerations takes 2 kB.
MOST_JSON_BYTES = 4096

_PLAIN = (str, int, float)  # a tuple: a union of types is looked through in Python
_TOLERATION = ("key", "operator", "value", "effect", "tolerationSeconds")


def recorded_fields(raw: Raw, kinds: Kinds) -> Raw:
    """Return the fields that are recorded; of what is too large only which object it is."""
    group_kind = kind_of(raw)
    is_autoscaler = group_kind in AUTOSCALERS
    found = _small(slim(raw) if is_autoscaler else _of_pods(raw, kinds.get(group_kind)))
    if found is None:
        found = _small(identity_and_target(raw) if is_autoscaler else _identity(raw))
    # None: a name as long as a book. The API server will not take it anyway.
    return found if found is not None else {}


def _small(fields: Raw) -> Raw | None:
    """Return fields without userinfo of URLs; None where they are too large."""
    written = json.dumps(fields)
    if "://" in written and "@" in written:  # in JSON both stand as they are
        fields = scrubbed_all(fields)
        written = json.dumps(fields)
    return fields if len(written) <= MOST_JSON_BYTES else None


def _of_pods(raw: Raw, kind: Kind | None) -> Raw:
    """What rules read of a pod, or of the templates that pods are made from."""
    found = templates(kind, raw) if kind is not None else []
    return {**_identity(raw), "pods": [_pod(one.raw) for one in found]} if found else _identity(raw)


def _identity(raw: Raw) -> dict[str, Any]:
    metadata = mapping(raw, "metadata")
    names = ("namespace", "name", "generateName", "uid")
    kept: dict[str, Any] = {name: said for name in names if (said := text(metadata, name))}
    owners = [
        {name: text(owner, name) for name in ("kind", "name")}
        for _, owner in members(metadata, "ownerReferences")
    ]
    if owners:
        kept["ownerReferences"] = owners
    return {"apiVersion": text(raw, "apiVersion"), "kind": text(raw, "kind"), "metadata": kept}


def _pod(pod: Raw) -> dict[str, Any]:
    spec = mapping(pod, "spec")
    tolerations = [dict(_plain(one, _TOLERATION)) for _, one in members(spec, "tolerations")]
    told = {
        "containers": [
            {
                "name": one.name,
                "role": one.role.value,
                "image": one.image,
                "resources": _resources(mapping(one.raw, "resources")),
            }
            for one in containers(pod)
        ],
        "tolerations": tolerations,
        "nodeSelector": strings(spec, "nodeSelector"),
    }
    return {name: value for name, value in told.items() if value}


def _resources(raw: Raw) -> dict[str, Any]:
    listed = {name: mapping(raw, name) for name in ("requests", "limits")}
    return {
        name: dict(_plain(amounts, tuple(amounts))) for name, amounts in listed.items() if amounts
    }


def _plain(raw: Raw, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield what is a text or a number: what anything else would hold, nobody has checked."""
    for name in names:
        value = raw.get(name)
        if isinstance(value, _PLAIN):
            yield name, value
