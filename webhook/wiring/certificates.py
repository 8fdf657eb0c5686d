"""The certificates that the controller keeps, put together."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from webhook.core.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook.cluster.api import Api
    from webhook.controller.certificates import Certificates


@frozen(kw_only=True)
class CertificatePlan:
    """What `scaleguard controller` was told of certificates."""

    namespace: str
    name: str
    """Of the Secrets, before what each is for."""
    configurations: tuple[str, ...]
    names: tuple[str, ...]
    """What the leaf is for; none: somebody else makes it."""
    published: Path | None
    overlap_seconds: float


def certificates(
    plan: CertificatePlan,
    api: "Api",
    is_leader: "Callable[[], bool]",
    registry: CollectorRegistry,
) -> "Certificates":
    """Put together what keeps them; it begins nothing yet."""
    from certs.authority import Names  # noqa: PLC0415 - cryptography takes a while to load
    from webhook.controller.certificate_counters import CertificateCounters  # noqa: PLC0415
    from webhook.controller.certificates import Certificates, Keeping  # noqa: PLC0415

    keeping = Keeping(
        namespace=plan.namespace,
        name=plan.name,
        configurations=plan.configurations,
        names=Names.of(plan.names),
        overlap=timedelta(seconds=plan.overlap_seconds),
        published=plan.published,
    )
    return Certificates(api, keeping, is_leader, CertificateCounters(registry))
