"""Dry runs: what becomes of objects that nobody keeps."""

import yaml

from webhook import config as configuration
from webhook import plain_yaml
from webhook.cluster.resources import HPAS, NAMESPACES
from webhook.config import Config
from webhook.core.fields import members, strings
from webhook.core.finding import Action
from webhook.core.self_protection import ESSENTIAL_NAMESPACES, selects
from webhook.doctor import canary
from webhook.doctor.fetching.cluster import CONFIG_MAPS, PODS, UnseenError
from webhook.doctor.fetching.look import Look, labels_of
from webhook.doctor.verdict import Verdict, unseen
from webhook.errors import ConfigError
from webhook.namespaces import quoted

_USUAL = "default"


def canary_objects(look: Look) -> list[Verdict]:
    """Create a GPU pod and an HPA by dry run."""
    installation = look.installation
    namespace = namespace_to_try(look)
    config = _config(look)
    mode = None if config is None else config.mode
    action = Action.WARN if config is None else config.actions.get(canary.RULE, Action.WARN)
    verdicts = []
    for resource, raw in ((PODS, canary.pod()), (HPAS, canary.hpa())):
        try:
            status, body, warnings = look.cluster.try_out(resource, namespace, raw)
        except UnseenError as error:
            verdicts.append(unseen(str(error)))
            continue
        if resource is PODS:
            verdicts.append(canary.judge_pod(status, body, installation, mode))
        else:
            heard = action.strength >= Action.WARN.strength
            judged = canary.judge_hpa(status, body, warnings, installation, mode, is_heard=heard)
            verdicts.append(judged)
    return verdicts


def namespace_to_try(look: Look) -> str:
    """Return a namespace that is judged; raises `UnseenError` where none is known."""
    if look.try_in is not None:
        return look.try_in
    try:
        labels = labels_of(look.cluster.all(NAMESPACES))
    except UnseenError:
        return _USUAL
    left_out = {*ESSENTIAL_NAMESPACES, "kube-public"}
    webhooks = [
        webhook
        for raw in (look.found.configurations if look.found is not None else ())
        for _, webhook in members(raw, "webhooks")
    ]
    for name in sorted(labels, key=lambda name: (name != _USUAL, name)):
        if name not in left_out and all(selects(one, name, labels[name]) for one in webhooks):
            return name
    raise UnseenError("no namespace is judged: each is left out by a namespaceSelector")


def _config(look: Look) -> Config | None:
    """The configuration of the release, None where nobody may read it or it is broken."""
    installation = look.installation
    try:
        found = look.cluster.get(CONFIG_MAPS, installation.namespace, installation.name)
        said = strings(found or {}, "data").get("config.yaml", "")
        return configuration.parse(quoted(plain_yaml.load(said)) or {}, "config.yaml")
    except (UnseenError, ConfigError, yaml.YAMLError):
        return None
