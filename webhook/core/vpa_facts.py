"""What a VPA says that VPA does not do."""

from collections.abc import Iterator
from typing import Any

from webhook.core.autoscalers.vpa import Vpa
from webhook.core.fields import mapping, sequence
from webhook.core.pod import COMPUTE_RESOURCES

# A place in a policy takes some hundred bytes of a document; a person needs to be told of a few.
MOST_UNSUPPORTED = 16

_AMOUNTS = ("minAllowed", "maxAllowed")


def unsupported(vpa: Vpa) -> Iterator[dict[str, Any]]:
    """Yield the resources but cpu and memory that a VPA names, by the field that names them.

    Of several policies for one container the first is read, as VPA does.
    """
    for policy in vpa.policies:
        named = {name: list(mapping(policy.raw, name)) for name in _AMOUNTS}
        named["controlledResources"] = sequence(policy.raw, "controlledResources")
        for field in sorted(named):
            for resource in dict.fromkeys(one for one in named[field] if isinstance(one, str)):
                if resource not in COMPUTE_RESOURCES:
                    yield {
                        "path": f"{policy.path}.{field}",
                        "field": field,
                        "container": policy.name,
                        "resource": resource,
                    }
