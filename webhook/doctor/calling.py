"""What it means that the API server did not get through to the webhook."""

from typing import NamedTuple

from webhook.doctor.installation import Installation


class Why(NamedTuple):
    """A reason in words, and what to do."""

    said: str
    fix: str
    command: str = ""


_FIREWALL = (
    "let the control plane through to port 8443 of the pods: in a private GKE cluster by a "
    "firewall rule for the control plane's range; on EKS, where pods of an overlay network "
    "(Calico) are out of its reach, by hostNetwork.enabled: true; a NetworkPolicy of the namespace "
    "has to let it in"
)

# What Go says where the other side hangs up on a certificate, and where it answers 401 or 403.
_UNKNOWN_CALLER = ("remote error: tls", "provide credentials", "the client certificate is of")


def why_not_called(message: str, installation: Installation) -> Why:
    """Read what the API server says of a call that failed."""
    namespace, name = installation.namespace, installation.name
    pods = f"kubectl -n {namespace} get pods -l app.kubernetes.io/component=webhook"
    said = message.casefold()
    if any(one in said for one in _UNKNOWN_CALLER):
        return Why(
            "the webhook does not answer this API server: it asks for a client certificate",
            "have its --admission-control-config-file name a kubeconfig with one "
            "(docs/install.md#client-certificates), or empty clientCertificates in the values",
            f"kubectl -n {namespace} logs -l app.kubernetes.io/component=webhook",
        )
    if "x509" in said or "certificate" in said:
        return Why(
            "the API server does not trust the certificate",
            "see the checks `certificate` and `configurations`",
            installation.certificates_log,
        )
    if "no endpoints" in said or "connection refused" in said:
        return Why("no pod of the webhook is ready", "see what its pods say", pods)
    if "not found" in said:
        why = f"there is no Service {namespace}/{name}"
        return Why(why, "put it back", installation.upgrade)
    if any(one in said for one in ("deadline", "timeout", "timed out", "no route", "unreachable")):
        return Why(
            "the API server does not reach the webhook's pods in time",
            _FIREWALL,
            f"kubectl -n {namespace} get networkpolicies",
        )
    return Why("the call failed", "see what its pods say", pods)
