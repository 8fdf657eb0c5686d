"""Pods as a real API server asks about them, each one another pod."""

import copy
import random
import uuid
from typing import Any

from webhook.demo.client import recorded

Raw = dict[str, Any]

_GPU_POD = 3
"""What a ReplicaSet's controller created for a Deployment of a language model."""

CONTAINERS = 20

# By these the API server's records of who set what name the members of a list.
_KEYS = {
    "containers": ("name",),
    "env": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "protocol"),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}

# Filled in by admission or by the server itself: nobody manages these.
_NOT_MANAGED = {"managedFields", "namespace", "priority", "preemptionPolicy", "tolerations"}


def gpu_pod(number: int) -> Raw:
    """A pod of two containers, one with two GPUs."""
    return _asked(number, "llama", recorded(_GPU_POD)["request"]["object"]["spec"])


def plain_pod(number: int) -> Raw:
    """A pod of a web server: no devices, nothing that looks like AI."""
    spec: Raw = recorded(_GPU_POD)["request"]["object"]["spec"]
    spec["containers"][0] = _server("app", random.Random(number), variables=1)  # noqa: S311
    spec["volumes"] = [{"name": "shm", "emptyDir": {}}]
    return _asked(number, "web", spec)


def large_pod(number: int) -> Raw:
    """A pod of many containers, the first with GPUs: some 30 kB."""
    spec: Raw = recorded(_GPU_POD)["request"]["object"]["spec"]
    chance = random.Random(number)  # noqa: S311 - to be had again
    more = range(1, CONTAINERS - 1)
    spec["containers"] += [_server(f"side-{each:02}", chance, variables=2) for each in more]
    return _asked(number, "llama", spec)


def _server(name: str, chance: random.Random, *, variables: int) -> Raw:
    """A container with a probe, with the API server's defaults."""
    env = [
        {"name": f"SETTING_{each}", "value": f"{chance.getrandbits(64):016x}"}
        for each in range(variables)
    ]
    probe = {
        "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    return {
        "name": name,
        "image": f"registry.example/{name}:1.4.{chance.randrange(1000)}",
        "args": ["--listen=:8080", "--log-level=info"],
        "env": env,
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "resources": {
            "limits": {"memory": "512Mi"},
            "requests": {"cpu": "100m", "memory": "256Mi"},
        },
        "volumeMounts": [{"name": "shm", "mountPath": "/tmp"}],  # noqa: S108 - in a container
        "readinessProbe": probe,
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }


def _asked(number: int, name: str, spec: Raw) -> Raw:
    """The review of a pod of a Deployment; a number always gets the same one."""
    chance = random.Random(f"{name}-{number}")  # noqa: S311
    review = recorded(_GPU_POD)
    request = review["request"]
    request["uid"] = _uid(chance)
    request["userInfo"]["extra"] = {
        "authentication.kubernetes.io/credential-id": [f"JTI={_uid(chance)}"]
    }
    spec = copy.deepcopy(spec)
    for container in spec["containers"]:
        container["image"] = f"{container['image']}-{number:05}"
    pod = request["object"]
    pod["spec"] = spec
    template = f"{chance.getrandbits(40):010x}"
    own = f"{name}-{number:05}-{template}"
    metadata = pod["metadata"]
    metadata["generateName"] = f"{own}-"
    metadata["labels"] = {"app": f"{name}-{number:05}", "pod-template-hash": template}
    metadata["ownerReferences"][0].update(name=own, uid=_uid(chance))
    metadata["managedFields"][0]["fieldsV1"] = {
        "f:metadata": _managed(metadata) | {"f:generateName": {}},
        "f:spec": _managed(spec),
    }
    return review


def _managed(value: Any) -> Raw:
    """Who manages what, as `fieldsV1` says it."""
    found: Raw = {}
    for key, inner in value.items():
        if key in _NOT_MANAGED:
            continue
        if isinstance(inner, dict):
            found[f"f:{key}"] = ({".": {}} if inner else {}) | _managed(inner)
        elif isinstance(inner, list) and key in _KEYS:
            found[f"f:{key}"] = {
                _member(one, _KEYS[key]): {".": {}} | _managed(one) for one in inner
            }
        else:
            found[f"f:{key}"] = {}
    return found


def _member(one: Raw, keys: tuple[str, ...]) -> str:
    said = (
        f'"{key}":{one[key]}' if key == "containerPort" else f'"{key}":"{one[key]}"' for key in keys
    )
    return f"k:{{{','.join(said)}}}"


def _uid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
