"""The audit's server, put together."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from webhook.core.frozen import frozen
from webhook.errors import ScaleguardError

if TYPE_CHECKING:
    from flask import Flask

    from webhook.audit.serving.access import Access
    from webhook.audit.store.opened import Store

_log = logging.getLogger("scaleguard.audit")

_SECONDS_OF_A_DAY = 86_400


@frozen(kw_only=True)
class AuditPlan:
    """What `scaleguard audit` was told."""

    store: str
    bind: str
    metrics_bind: str | None
    certificate_folder: Path
    tls_names: tuple[str, ...]
    mounted: bool
    workers: int
    threads: int
    drain_seconds: float
    writers: frozenset[str]
    retention_days: float | None
    retention_rows: int | None
    trusts_loopback: bool
    kubeconfig: Path | None
    context: str | None


def audit(plan: AuditPlan) -> None:
    """Serve the audit until told to stop; raises `ScaleguardError` where it cannot begin."""
    from certs.authority import Names  # noqa: PLC0415 - the server's parts are not needed elsewhere
    from webhook.audit.store.opened import open_store  # noqa: PLC0415
    from webhook.audit.store.schema import bring_up  # noqa: PLC0415
    from webhook.serving.gunicorn import serve  # noqa: PLC0415
    from webhook.serving.options import ServeOptions  # noqa: PLC0415

    # Every mistake is told at once and by one process, and no connection survives the fork.
    store = open_store(plan.store)
    bring_up(store)
    store.close()
    _access(plan)
    options = ServeOptions(
        bind=plan.bind,
        certificate_folder=plan.certificate_folder,
        names=Names.of(plan.tls_names),
        metrics_bind=plan.metrics_bind,
        workers=plan.workers,
        threads=plan.threads,
        drain_seconds=plan.drain_seconds,
        mounted=plan.mounted,
    )
    serve(options, lambda served: _app(plan, open_store(plan.store), served.problems))


def _app(plan: AuditPlan, store: "Store", problems: Callable[[], list[str]]) -> "Flask":
    from webhook.audit.serving.app import Parts, create_app  # noqa: PLC0415 - as in `audit`
    from webhook.audit.serving.callers import Callers  # noqa: PLC0415
    from webhook.audit.serving.keeper import Keeper  # noqa: PLC0415
    from webhook.audit.serving.metrics import Metrics  # noqa: PLC0415
    from webhook.audit.store.retention import Retention  # noqa: PLC0415

    metrics = Metrics()
    days = plan.retention_days
    seconds = days * _SECONDS_OF_A_DAY if days is not None else None
    Keeper(store, Retention(seconds, plan.retention_rows), metrics).start()
    callers = Callers(
        access=_access(plan), writers=plan.writers, trusts_loopback=plan.trusts_loopback
    )
    parts = Parts(store=store, callers=callers, metrics=metrics, certificate_problems=problems)
    return create_app(parts)


def _access(plan: AuditPlan) -> "Access | None":
    """Find the cluster that knows tokens; none is needed where this machine alone reads."""
    from webhook.audit.serving.access import Access  # noqa: PLC0415 - as in `audit`
    from webhook.cluster.api import connect  # noqa: PLC0415 - the client takes a second to load

    try:
        return Access(connect(plan.kubeconfig, plan.context))
    except ScaleguardError as error:
        if not plan.trusts_loopback or plan.kubeconfig is not None:
            raise
        _log.warning("no token is taken, there is no cluster to ask: %s", error)
        return None
