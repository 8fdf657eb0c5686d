"""The configuration: one frozen object; loaded, completed and checked as a whole.

Unknown keys are refused, and every fault is listed at once. The file's schema is
`config.schema.json` beside this module.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from socket import inet_aton
from typing import Any
from urllib.parse import urlsplit

import yaml

from webhook import plain_yaml
from webhook.core import quantity
from webhook.core.finding import Action
from webhook.core.frozen import frozen
from webhook.core.mode import Mode
from webhook.core.mutations.tolerations import is_tolerable
from webhook.core.patch import dotted
from webhook.core.profile import Profiles
from webhook.core.record import OF_REQUESTS, RecordKind
from webhook.core.verdict import NamespaceSettings
from webhook.errors import ConfigError
from webhook.namespaces import build_namespaces, namespace_faults, quoted, read_actions
from webhook.profiles import build_profiles, profile_faults
from webhook.workloads import workload_faults

SCHEMA_FILE = Path(__file__).resolve().parent / "config.schema.json"


@frozen
class OpaConfig:
    """An OPA server as the engine of the rules."""

    url: str
    timeout_seconds: float = 1.0
    push: bool = True
    token_file: Path | None = None


@frozen
class CustomConfig:
    """On which terms the rules of users are heard."""

    timeout_seconds: float = 0.2
    on_failure: str = "ignore"
    """ignore: what else was found stands; fail: there is no judgement."""


@frozen
class AuditConfig:
    """What is kept and told of decisions."""

    kinds: frozenset[RecordKind] = OF_REQUESTS
    """What is recorded; denials are, whatever it says."""
    events: bool = True
    """Whether a refusal is told by an Event at the object that it concerns."""


@frozen
class Config:
    """Everything that a configuration file says, completed by defaults."""

    actions: Mapping[str, Action] = field(default_factory=dict)
    strictness: str = "literal"
    gke_rightsizing: bool = False
    startup_boost: Action = Action.WARN
    opa: OpaConfig | None = None
    """The OPA server; None: the embedded engine."""
    custom: CustomConfig = field(default_factory=CustomConfig)
    detect_by_image: bool = False
    accelerators: tuple[Mapping[str, Any], ...] = ()
    workloads: tuple[Mapping[str, Any], ...] = ()
    """Kinds beside those of the catalogue, in its terms."""
    profiles: Profiles = field(default_factory=Profiles)
    mutate_templates: bool = False
    """Whether templates of what waits in a queue of Kueue are fitted, and not their pods alone."""
    plans_vpas: bool = True
    """Whether VPAs are made for AI workloads."""
    consistency: str = "strict"
    """strict: requests are settled between replicas; cached: the watches alone are asked."""
    stale_after_seconds: float = 90.0
    mode: Mode = Mode.ENFORCE
    namespaces: tuple[NamespaceSettings, ...] = ()
    audit: AuditConfig = field(default_factory=AuditConfig)


def load(path: Path | None) -> Config:
    """Read a configuration file; the defaults where there is none.

    Raises `ConfigError` with every fault, each with its place, when the file cannot be used.
    """
    if path is None:
        return Config()
    try:
        data = quoted(plain_yaml.load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error
    return parse({} if data is None else data, str(path))


def parse(data: Any, name: str) -> Config:
    """Check decoded configuration and build it; `name` is how messages call it."""
    faults = sorted(_faults(data))
    if faults:
        lines = "".join(f"\n  {fault}" for fault in faults)
        raise ConfigError(f"{name}: {len(faults)} fault{'s' if len(faults) > 1 else ''}:{lines}")
    return _build(data)


def _is_amount(value: Any) -> bool:
    nanos = quantity.parse(value)
    return nanos is not None and nanos >= 0


def _is_server(value: Any) -> bool:
    """Whether a URL can be read, and is none at which clouds hand out credentials.

    As it is written, in any of the ways of addresses. To what address a name leads is not asked.
    """
    if not isinstance(value, str):
        return True
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        try:
            address = IPv4Address(inet_aton(host))  # 2852039166 and 0xa9.254.43518 are addresses
        except (OSError, ValueError):
            return host.rstrip(".") != "metadata.google.internal"
    mapped = getattr(address, "ipv4_mapped", None) or address
    return not mapped.is_link_local and str(mapped) not in _OF_CLOUDS


def _is_taint_key(value: Any) -> bool:
    return not isinstance(value, str) or is_tolerable(value)


# Metadata of Alibaba Cloud and, by IPv6, of AWS; all others are link-local.
_OF_CLOUDS = frozenset({"100.100.100.200", "fd00:ec2::254"})

# What a schema alone cannot say: formats of ours, each with its check and the fault in words.
_FORMATS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "quantity": (_is_amount, "is no quantity (as 500m or 8Gi)"),
    "shared-memory": (
        lambda value: isinstance(value, bool) or _is_amount(value),
        "is neither true, false nor a quantity (as 16Gi)",
    ),
    "server": (
        _is_server,
        "is no server of rules: it cannot be read, or clouds hand out credentials there",
    ),
    "taint-key": (_is_taint_key, "is never tolerated: such nodes go, are not ready, are reserved"),
}


def _faults(data: Any) -> Iterator[str]:
    # Imported here: most commands run without a configuration file, and it takes a while to load.
    import jsonschema  # noqa: PLC0415

    formats = jsonschema.FormatChecker(formats=())
    for name, (check, _) in _FORMATS.items():
        formats.checks(name)(check)
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema, format_checker=formats)
    errors = list(validator.iter_errors(data))
    for error in errors:
        if [*error.path] == ["version"]:
            # Of another format nothing else can be said: its keys mean what they mean there.
            taken = error.validator_value
            yield f"version: {error.instance!r} is not taken: this program takes version {taken}"
            return
    for error in errors:
        said = error.message
        if error.validator == "pattern" and "title" in error.schema:
            said = f"{error.instance!r} is no {error.schema['title']}"
        if error.validator == "format":
            said = f"{error.instance!r} {_FORMATS[error.validator_value][1]}"
        yield f"{dotted(error.path) or 'the file'}: {said}"
    yield from profile_faults(data)
    yield from namespace_faults(data)
    yield from workload_faults(data)


def _build(data: Mapping[str, Any]) -> Config:
    autoscalers = data.get("autoscalers", {})
    return Config(
        read_actions(data),
        autoscalers.get("strictness", "literal"),
        autoscalers.get("gkeHpaRightsizing", False),
        Action(autoscalers.get("startupBoost", Action.WARN)),
        _opa(data.get("policies", {})),
        _custom(data.get("policies", {}).get("custom", {})),
        data.get("detection", {}).get("byImage", False),
        tuple(data.get("accelerators", ())),
        tuple(data.get("workloads", ())),
        build_profiles(data),
        data.get("kueue", {}).get("mutateTemplates", False),
        data.get("vpa", {}).get("enabled", True),
        data.get("consistency", "strict"),
        data.get("staleAfterSeconds", 90.0),
        Mode(data.get("mode", Mode.ENFORCE)),
        build_namespaces(data),
        _audit(data.get("audit", {})),
    )


def _audit(said: Mapping[str, Any]) -> AuditConfig:
    default = AuditConfig()
    return AuditConfig(
        frozenset(map(RecordKind, said.get("kinds", default.kinds))),
        said.get("events", default.events),
    )


def _custom(terms: Mapping[str, Any]) -> CustomConfig:
    default = CustomConfig()
    return CustomConfig(
        terms.get("timeoutSeconds", default.timeout_seconds),
        terms.get("onFailure", default.on_failure),
    )


def _opa(policies: Mapping[str, Any]) -> OpaConfig | None:
    if policies.get("engine", "embedded") != "opa":
        return None
    server = policies["opa"]
    token_file = server.get("tokenFile")
    return OpaConfig(
        server["url"],
        server.get("timeoutSeconds", 1.0),
        server.get("push", True),
        Path(token_file) if token_file is not None else None,
    )
