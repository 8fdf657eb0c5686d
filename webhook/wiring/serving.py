"""The webhook, put together."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from webhook.config import Config
from webhook.core.frozen import frozen
from webhook.policy.engine import end
from webhook.wiring import judge_of
from webhook.wiring.recording import Leaving, RecordingPlan, prepare, recording
from webhook.wiring.reloading import OF_MANIFESTS, follow_files, waiting_for_restart
from webhook.wiring.services import ClusterService, StaticService, static_world

if TYPE_CHECKING:
    from flask import Flask

    from webhook.cluster.publication import Publication
    from webhook.cluster.state import ClusterState
    from webhook.reload.reloading import Reloading
    from webhook.server.admission import Audited
    from webhook.serving.paths import Segments
    from webhook.serving.tls import ServedCertificate


@frozen(kw_only=True)
class ServePlan:
    """What `scaleguard webhook` was told."""

    bind: str
    metrics_bind: str | None
    certificate_folder: Path
    tls_names: tuple[str, ...]
    workers: int
    threads: int
    config: Path | None
    policies: tuple[Path, ...]
    manifests: Path | None = None
    """The cluster's state as files; None: it is that of an API server."""
    kubeconfig: Path | None = None
    context: str | None = None
    mounted: bool = False
    """Whether somebody else fills the folder of the certificate."""
    mounted_path: bool = False
    """Whether reviews are asked for under the segments that stand there, too."""
    client_authorities: Path | None = None
    """Those that sign the certificates of who may ask for reviews; None: anybody may."""
    client_names: tuple[str, ...] = ()
    """Whose certificates these are; none: anybody's that is signed so."""
    webhook_configurations: tuple[str, ...] = ()
    """Those by which the API server asks here; none: it is not looked at whether it can."""
    drain_seconds: float = 0.0
    controller: str | None = None
    """The user who makes VPAs; None where nobody does: then no VPA counts as managed."""
    recording: RecordingPlan | None = None
    """Where decisions are recorded; None: in the log alone."""
    lease_namespace: str | None = None
    """Where replicas settle requests between each other; None: the namespace of this pod."""


def serve(plan: ServePlan) -> None:
    """Serve the webhook until told to stop; raises `ScaleguardError` where it cannot begin."""
    from certs.authority import Names  # noqa: PLC0415 - the server's parts are not needed elsewhere
    from webhook.serving.gunicorn import serve as serve_with_gunicorn  # noqa: PLC0415
    from webhook.serving.options import ServeOptions  # noqa: PLC0415
    from webhook.serving.paths import Segments  # noqa: PLC0415
    from webhook.serving.settling import settle  # noqa: PLC0415

    options = ServeOptions(
        bind=plan.bind,
        certificate_folder=plan.certificate_folder,
        names=Names.of(plan.tls_names),
        metrics_bind=plan.metrics_bind,
        workers=plan.workers,
        threads=plan.threads,
        drain_seconds=plan.drain_seconds,
        mounted=plan.mounted,
        client_authorities=plan.client_authorities,
    )
    # What workers share while they run lies in a folder of this process, which outlives them.
    with TemporaryDirectory(prefix="scaleguard-", ignore_cleanup_errors=True) as folder:
        make_service = _service(plan, Path(folder))
        leaving = Leaving()
        if plan.recording is not None:
            prepare(plan.recording)

        def make_app(served: "ServedCertificate") -> "Flask":
            service = make_service()
            segments = Segments(plan.certificate_folder) if plan.mounted_path else None
            publication = _publication(plan, served, segments)
            audited = _recording(plan, service, leaving)
            app = _app(service, served, publication, audited, segments)
            app = _behind_callers(plan, served, app)
            settle(lambda: not service.not_ready())
            return app

        serve_with_gunicorn(options, make_app, on_leaving=leaving)


def _recording(
    plan: ServePlan, service: StaticService | ClusterService, leaving: Leaving
) -> "Audited | None":
    if plan.recording is None:
        return None
    return recording(plan.recording, leaving, lambda: service.reloading.config.audit.kinds)


def _app(
    service: StaticService | ClusterService,
    served: "ServedCertificate",
    publication: "Publication | None",
    audited: "Audited | None",
    segments: "Segments | None",
) -> "Flask":
    from webhook.server.app import create_app  # noqa: PLC0415 - as in `serve`
    from webhook.server.metrics import Metrics  # noqa: PLC0415

    def problems() -> list[str]:
        return served.problems() or (publication.problems() if publication is not None else [])

    return create_app(
        service,
        Metrics(),
        certificate_problems=problems,
        audited=audited,
        segments=segments,
        more_remarks=publication.remarks if publication is not None else list,
    )


def _behind_callers(plan: ServePlan, served: "ServedCertificate", app: "Flask") -> "Flask":
    """Have nobody answered but who shows a certificate, if one is demanded."""
    if plan.client_authorities is not None:
        from webhook.serving.callers import Callers  # noqa: PLC0415 - as in `serve`
        from webhook.serving.environment import SHORT_WAY  # noqa: PLC0415 - as in `serve`

        callers = Callers(plan.client_names, served.context)
        served.distrust = callers.distrust
        app.wsgi_app = callers.before(app.wsgi_app)  # type: ignore[assignment,method-assign]
        app.extensions[SHORT_WAY] = callers.before_short(app.extensions[SHORT_WAY])
    return app


def _service(plan: ServePlan, folder: Path) -> Callable[[], StaticService | ClusterService]:
    """Return what makes the service of each worker: no thread and no engine survives a fork.

    Everything is tried here first, so that every mistake is told at once and by one process.
    """
    from webhook.reload.sources import LastGood, Sources  # noqa: PLC0415 - servers alone reload

    sources = Sources(plan.config, plan.policies)
    first = sources.read()
    judge = judge_of(first.config, first.modules)
    end(judge)  # nothing of it survives the fork
    last_good = LastGood(folder, first)
    manifests = plan.manifests
    if manifests is not None:
        static_world(judge, manifests)

        def make_static() -> StaticService:
            begun = last_good.get()
            waiting = partial(waiting_for_restart, begun.config, keys=OF_MANIFESTS)
            reloading = follow_files(sources, begun, last_good, waiting)
            return StaticService(reloading, static_world(reloading.judge, manifests))

        return make_static
    from webhook.cluster.api import connect  # noqa: PLC0415 - the client takes a second to load

    connect(plan.kubeconfig, plan.context)
    _lease_namespace(first.config, plan)

    def make_following() -> ClusterService:
        begun = last_good.get()
        waiting = partial(waiting_for_restart, begun.config)
        reloading = follow_files(sources, begun, last_good, waiting, plan.controller)
        state = _cluster_state(begun.config, reloading, plan)
        return ClusterService(reloading, state)

    return make_following


def _cluster_state(config: Config, reloading: "Reloading", plan: ServePlan) -> "ClusterState":
    """Begin to follow a cluster: in a process that forks no more, because threads do it.

    Raises `ScaleguardError` where it cannot be found; one that does not answer is waited for.
    """
    from webhook.cluster.api import connect  # noqa: PLC0415 - the client takes a second to load
    from webhook.cluster.recorder import Counters  # noqa: PLC0415
    from webhook.cluster.state import ClusterState  # noqa: PLC0415
    from webhook.cluster.timing import Timing  # noqa: PLC0415

    return ClusterState(
        connect(plan.kubeconfig, plan.context),
        lambda: reloading.judge.knowledge.kinds,
        lease_namespace=_lease_namespace(config, plan),
        controller=plan.controller,
        tells=lambda: reloading.config.audit.events,
        timing=Timing(config.stale_after_seconds),
        recorder=Counters(),
    ).start()


def _lease_namespace(config: Config, plan: ServePlan) -> str | None:
    """Find the one namespace that all replicas keep the ledger of requests in flight in.

    None where there is none. Raises `ScaleguardError` where this pod does not know its own.
    """
    if config.consistency != "strict":
        return None
    from webhook.cluster.credentials import own_namespace  # noqa: PLC0415 - as in `_service`

    if plan.lease_namespace is not None:
        return plan.lease_namespace
    return own_namespace(plan.kubeconfig, plan.context) or "default"


def _publication(
    plan: ServePlan, served: "ServedCertificate", segments: "Segments | None"
) -> "Publication | None":
    """Begin to look, in a worker, whether the API server can ask here, and whom it asks about."""
    if not plan.webhook_configurations:
        return None
    from webhook.cluster.api import connect  # noqa: PLC0415 - the client takes a second to load
    from webhook.cluster.credentials import own_namespace  # noqa: PLC0415
    from webhook.cluster.publication import Publication  # noqa: PLC0415
    from webhook.core.self_protection import self_protection  # noqa: PLC0415
    from webhook.serving.verification import why_refused  # noqa: PLC0415

    own = plan.lease_namespace or own_namespace(plan.kubeconfig, plan.context)
    return Publication(
        connect(plan.kubeconfig, plan.context),
        plan.webhook_configurations,
        lambda bundle, host: why_refused(served.context(), bundle, host),
        lambda segment: segment in segments if segments is not None else not segment,
        lambda raws: self_protection(raws, {}, own) if own is not None else [],
    ).start()
