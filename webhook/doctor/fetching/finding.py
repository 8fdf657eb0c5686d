"""Which installation a cluster has, by what of it can be read."""

from collections.abc import Sequence

from webhook.core.fields import Raw
from webhook.doctor.fetching.cluster import CONFIGURATIONS, DEPLOYMENTS, Cluster, UnseenError
from webhook.doctor.installation import COMPONENT, SELECTOR, Installation, found
from webhook.errors import ScaleguardError


def find(
    cluster: Cluster, namespace: str | None, name: str | None
) -> tuple[Installation | None, str]:
    """Return the installation that is meant, None where there is none.

    And, where its webhook configurations may not be read, which right is missing.
    Raises `ScaleguardError` where there are several, or nothing can be read of any.
    """
    if namespace is not None and name is not None:
        return _named(cluster, namespace, name)
    configurations, withheld = _configurations(cluster)
    there = [
        one
        for one in found(configurations, _deployments(cluster, namespace))
        if namespace in {None, one.namespace} and name in {None, one.name}
    ]
    named = namespace is not None or name is not None
    return _only(there, withheld, named=named), withheld


def _configurations(cluster: Cluster) -> tuple[list[Raw], str]:
    """Those with our label, or what withholds them."""
    try:
        return [raw for kind in CONFIGURATIONS for raw in cluster.all(kind, labels=SELECTOR)], ""
    except UnseenError as error:
        return [], str(error)


def _deployments(cluster: Cluster, namespace: str | None) -> list[Raw]:
    try:
        return cluster.all(DEPLOYMENTS, namespace, f"{SELECTOR},{COMPONENT}=webhook")
    except UnseenError:
        return []


def _only(there: Sequence[Installation], withheld: str, *, named: bool) -> Installation | None:
    if len(there) == 1:
        return there[0]
    if there:
        listed = "".join(f"\n  --namespace {one.namespace} --release {one.name}" for one in there)
        raise ScaleguardError(f"there are several installations, name one:{listed}")
    if withheld:
        raise ScaleguardError(
            f"which installation is meant cannot be found: {withheld}; name it with --namespace "
            "and --release (what its Service is called)"
        )
    if named:
        raise ScaleguardError("no installation has that --namespace and --release; leave them out")
    return None


def _named(cluster: Cluster, namespace: str, name: str) -> tuple[Installation, str]:
    """One that is named, by whoever may read single configurations alone."""
    wanted = Installation(namespace, name)
    try:
        got = [cluster.get(kind, None, wanted.configuration_name) for kind in CONFIGURATIONS]
    except UnseenError as error:
        return wanted, str(error)
    raws = [raw for raw in got if raw is not None]
    ports = [one.port for one in found(raws, []) if (one.namespace, one.name) == (namespace, name)]
    return Installation(namespace, name, tuple(raws), *ports[:1]), ""
