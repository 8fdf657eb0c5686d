"""The whole path of the audit: two webhook processes, a controller, the audit and PostgreSQL."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from tests.controlplane.cluster import ControlPlane
from tests.e2e.audit_process import AuditProcess
from tests.e2e.controller_process import ControllerProcess, grant
from tests.e2e.refusals import MISSPELT, PODS, Told
from tests.e2e.replicas import Replicas
from tests.postgres import Postgres

AUDIENCE = "scaleguard-audit"
WRITER = "system:serviceaccount:default:webhook"


@dataclass(frozen=True)
class Audited:
    """Everything that a record goes through."""

    replicas: Replicas
    audit: AuditProcess
    controller: ControllerProcess
    postgres: Postgres
    database: str
    reader: str

    def has(self, told: Told) -> bool:
        """Whether a refusal is found by its decision, as what it was."""
        status, said = self.audit.ask("GET", f"/v1/decisions/{told.decision}", self.reader)
        objects = [one["record"]["object"] for one in said.get("findings", ())]
        return status == HTTPStatus.OK and any(
            (one["kind"], (one["name"] or one["generateName"])[: len(told.name)]) == told[1:]
            for one in objects
        )


@contextmanager
def audited(plane: ControlPlane, folder: Path) -> Iterator[Audited]:
    """Run all of it."""
    for name in ("webhook", "reader"):
        plane.kubectl("create", "serviceaccount", name, "-n", "default", check=False)
    plane.kubectl("apply", "-f", str(Path(__file__).with_name("audit_rbac.yaml")), check=False)
    grant(plane)
    token = folder / "token"
    token.write_text(_token(plane, "webhook"), "utf-8")
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        database = postgres.database()
        kept = ("--store", database, "--kubeconfig", str(plane.user("audit")))
        audit = AuditProcess(folder / "audit", *kept, "--writers", WRITER)
        stack.enter_context(audit)
        audit.wait_until_ready()
        server = ("--audit-url", audit.url, "--audit-ca", str(audit.authority))
        told = (*server, "--audit-token-file", str(token))
        controller = ControllerProcess(
            plane, folder / "controller", *told, "--reports-every", "1", **MISSPELT
        )
        stack.enter_context(controller)
        replicas = Replicas(plane, folder, more_rules=[PODS], **MISSPELT)
        for one in replicas.processes:
            one.command += ["--audit-spool", str(one.folder / "spool"), *told]
        stack.enter_context(replicas)
        yield Audited(replicas, audit, controller, postgres, database, _token(plane, "reader"))


def _token(plane: ControlPlane, account: str) -> str:
    made = plane.kubectl(
        *("create", "token", account, "-n", "default", f"--audience={AUDIENCE}"), "--duration=2h"
    )
    return made.stdout.strip()
