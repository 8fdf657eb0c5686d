"""The controller, put together."""

import secrets
import signal
import socket
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry

from webhook.core.frozen import frozen
from webhook.errors import ScaleguardError
from webhook.policy.engine import end
from webhook.wiring import judge_of
from webhook.wiring.certificates import CertificatePlan
from webhook.wiring.reloading import follow_files, waiting_for_restart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhook.controller.alone import Alone
    from webhook.controller.controller import Controller
    from webhook.controller.election import Candidacy
    from webhook.controller.receiver import Receiver
    from webhook.reload.reloading import Reloading

LEASE = "scaleguard-controller"


@frozen
class AuditPlan:
    """Who is told how things stand."""

    url: str
    authority: Path | None
    token: Path | None
    cluster: str
    reports_every_seconds: float = 60.0
    """How often the Reports of the cluster are seen to; 0: none are kept."""


@frozen(kw_only=True)
class ControlPlan:
    """What `scaleguard controller` was told."""

    metrics_bind: str | None
    config: Path | None
    policies: tuple[Path, ...]
    kubeconfig: Path | None
    context: str | None
    lease_namespace: str | None
    """Where the Lease of the leader is; None: the namespace of this pod."""
    lease_name: str = LEASE
    workers: int = 4
    writes_per_second: float = 50.0
    audit: AuditPlan | None = None
    """None: there is none to tell, and none to read."""
    certificates: CertificatePlan | None = None
    """Those of the webhook; None: somebody else keeps them."""
    only_certificates: bool = False


def control(plan: ControlPlan) -> None:
    """Run the controller until told to stop; raises `ScaleguardError` where it cannot begin."""
    from webhook.reload.sources import LastGood, Sources  # noqa: PLC0415 - as the webhook does

    sources = Sources(plan.config, plan.policies)
    first = sources.read()
    end(judge_of(first.config, first.modules))  # every mistake is told at once
    with TemporaryDirectory(prefix="scaleguard-", ignore_cleanup_errors=True) as folder:
        last_good = LastGood(Path(folder), first)
        reloading = follow_files(
            sources, first, last_good, lambda config: waiting_for_restart(first.config, config)
        )
        registry = REGISTRY  # which also has the process's own, and those of reloads
        controller: Controller | Alone
        if plan.only_certificates:
            controller = _alone(plan)
        else:
            controller = _controller(plan, first.config.stale_after_seconds, reloading, registry)
        with (
            _served(plan.metrics_bind, registry, controller),
            _certificates(plan, registry, controller),
            _reports(plan, registry, controller),
            _until_told(controller),
        ):
            controller.run()


def _controller(
    plan: ControlPlan, stale_seconds: float, reloading: "Reloading", registry: CollectorRegistry
) -> "Controller":
    from webhook.cluster.api import connect  # noqa: PLC0415 - the client takes a second to load
    from webhook.cluster.recorder import Counters as ClusterCounters  # noqa: PLC0415
    from webhook.cluster.timing import Timing  # noqa: PLC0415
    from webhook.controller.controller import Controller, Pace  # noqa: PLC0415
    from webhook.controller.recorder import Counters  # noqa: PLC0415

    return Controller(
        connect(plan.kubeconfig, plan.context),
        _candidacy(plan),
        lambda: reloading.judge,
        timing=Timing(stale_seconds),
        recorder=ClusterCounters(registry),
        counters=Counters(registry),
        pace=Pace(plan.workers, plan.writes_per_second),
        receiver=_receiver(plan.audit) if plan.audit is not None else None,
    )


def _alone(plan: ControlPlan) -> "Alone":
    from webhook.cluster.api import connect  # noqa: PLC0415 - the client takes a second to load
    from webhook.controller.alone import Alone  # noqa: PLC0415

    return Alone(connect(plan.kubeconfig, plan.context), _candidacy(plan))


def _candidacy(plan: ControlPlan) -> "Candidacy":
    from webhook.cluster.credentials import own_namespace  # noqa: PLC0415 - as above
    from webhook.controller.election import Candidacy  # noqa: PLC0415

    namespace = plan.lease_namespace or own_namespace(plan.kubeconfig, plan.context) or "default"
    identity = f"{socket.gethostname()}_{secrets.token_hex(4)}"
    return Candidacy(namespace, plan.lease_name, identity)


def _receiver(plan: AuditPlan) -> "Receiver":
    from webhook.audit.delivery import StandingsDelivery  # noqa: PLC0415 - it is off by default
    from webhook.wiring.scanning import ToAudit  # noqa: PLC0415

    delivery = StandingsDelivery(plan.url, plan.authority, plan.token)
    return ToAudit(delivery, plan.cluster, socket.gethostname())


@contextmanager
def _served(
    bind: str | None, registry: CollectorRegistry, controller: "Controller | Alone"
) -> "Iterator[None]":
    """Serve metrics and probes, where anybody wants them."""
    from webhook.exposition import MetricsServer, listen  # noqa: PLC0415
    from webhook.serving.options import split_address  # noqa: PLC0415

    if bind is None:
        yield
        return
    try:
        listener = listen(*split_address(bind))
    except OSError as error:
        raise ScaleguardError(f"metrics cannot be served on {bind}: {error}") from error
    checks: dict[str, Callable[[], list[str]]] = {
        "/healthz": list,
        "/readyz": controller.not_ready,
    }
    server = MetricsServer(listener, registry, checks)
    server.start()
    try:
        yield
    finally:
        server.shutdown()
        listener.close()


@contextmanager
def _certificates(
    plan: ControlPlan, registry: CollectorRegistry, controller: "Controller | Alone"
) -> "Iterator[None]":
    """Keep the certificates of the webhook, where nobody else does."""
    if plan.certificates is None:
        yield
        return
    from webhook.cluster.api import connect  # noqa: PLC0415 - as above
    from webhook.wiring.certificates import certificates  # noqa: PLC0415

    api = connect(plan.kubeconfig, plan.context)
    keeping = certificates(plan.certificates, api, lambda: controller.is_leader, registry).start()
    try:
        yield
    finally:
        keeping.stop()


@contextmanager
def _reports(
    plan: ControlPlan, registry: CollectorRegistry, controller: "Controller | Alone"
) -> "Iterator[None]":
    """Keep Reports in the cluster, where there is an audit to read them from."""
    if plan.audit is None or not plan.audit.reports_every_seconds:
        yield
        return
    from webhook.cluster.api import connect  # noqa: PLC0415 - as above
    from webhook.wiring.reports import reports  # noqa: PLC0415

    api = connect(plan.kubeconfig, plan.context)
    keeping = reports(plan.audit, api, lambda: controller.is_leader, registry).start()
    try:
        yield
    finally:
        keeping.stop()


@contextmanager
def _until_told(controller: "Controller | Alone") -> "Iterator[None]":
    """End gently on SIGTERM and SIGINT: the Lease is let go."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        controller.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
