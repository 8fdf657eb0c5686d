"""The Reports of the controller, and the audit that they are read from."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from webhook.core.fields import Raw
from webhook.errors import ScaleguardError
from webhook.wiring.reporting import reader_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook.cluster.api import Api
    from webhook.controller.reports import Reports
    from webhook.wiring.controller import AuditPlan


def reports(
    plan: "AuditPlan", api: "Api", is_leader: "Callable[[], bool]", registry: CollectorRegistry
) -> "Reports":
    """Put together what keeps Reports; it begins nothing yet."""
    from webhook.audit.current import current  # noqa: PLC0415 - it is off by default
    from webhook.controller.report_counters import ReportCounters  # noqa: PLC0415
    from webhook.controller.reports import NotReadError, Reports  # noqa: PLC0415

    reader = reader_of("", plan.url, plan.token, plan.authority)

    def read() -> Mapping[str, Raw]:
        # The authority may come later than this process: the webhook makes it.
        try:
            return current(reader, plan.cluster, time.time())
        except (ScaleguardError, OSError) as error:
            raise NotReadError(str(error)) from error

    return Reports(api, read, is_leader, ReportCounters(registry), plan.reports_every_seconds)
