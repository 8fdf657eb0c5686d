"""Where a look begins: who asks, from where, about which installation."""

from datetime import datetime

from webhook.core.frozen import frozen
from webhook.doctor.fetching.cluster import Cluster
from webhook.doctor.fetching.dialling import Address, address
from webhook.doctor.fetching.finding import find
from webhook.doctor.fetching.look import Look


@frozen
class Meant:
    """What somebody asked for."""

    namespace: str | None = None
    release: str | None = None
    try_in: str | None = None
    url: str | None = None
    authority: bytes = b""
    in_pod: bool = False
    """Whether this runs in a pod of the cluster, where Services are dialled by their names."""


def look_at(cluster: Cluster, meant: Meant, now: datetime) -> Look:
    """Find the installation; raises `ScaleguardError` where it is not clear which is meant."""
    found, withheld = find(cluster, meant.namespace, meant.release)
    where = None
    if meant.url is not None:
        where = address(meant.url)
    elif meant.in_pod and found is not None:
        where = Address(found.dns_name, found.port)
    return Look(cluster, found, now, withheld, where, meant.authority, meant.try_in)
