"""Whether the API server trusts the certificate that is served, and for how long."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from cryptography import x509

from certs.inspection import alternative_names
from certs.plan import is_issued, renewal_time
from certs.renewal import is_ours
from webhook.core.frozen import frozen
from webhook.doctor.configurations import Bundles
from webhook.doctor.installation import Installation
from webhook.doctor.verdict import Verdict, fault, ok, unseen, warning

# Rounds are minutes; a day late is no delay any more.
_RENEWAL_GRACE = timedelta(days=1)
_SOON = timedelta(days=7)
_ROTATE = "scaleguard certs rotate --authority -n {0.namespace} --release {0.name}"


@frozen
class Served:
    """A certificate as it was found."""

    where: str
    """How messages call the place: an address, a Secret."""
    chain: bytes
    """PEM, the leaf first."""
    refused: Mapping[bytes, str] | None = None
    """What TLS itself said with each caBundle as the authorities; None where nobody was dialled."""


def judge_certificate(
    served: Served, trusted: Bundles, installation: Installation, now: datetime
) -> list[Verdict]:
    """Judge a certificate against what each webhook entry trusts."""
    try:
        leaf, *between = x509.load_pem_x509_certificates(served.chain)
    except ValueError:
        return [fault(f"{served.where} holds no certificate yet", *_to_the_log(installation))]
    verdicts = [
        *_time(served.where, leaf, installation, now),
        *_name(served.where, leaf, installation),
        *_trust(served, leaf, between, trusted, installation),
    ]
    if verdicts:
        return verdicts
    left = (leaf.not_valid_after_utc - now).days
    said = f"{served.where}: {_trusted_by(trusted, installation)}valid for {left} more days"
    issued = [_authority_of(leaf, pem) for pem in trusted.values()]
    ends = [one.not_valid_after_utc for one in issued if one is not None]
    if ends and min(ends) - now < _SOON:
        end = f"{min(ends):%Y-%m-%dT%H:%M:%SZ}"
        return [
            warning(
                f"{said}; its authority ends at {end}",
                "renew the authority",
                _ROTATE.format(installation),
            )
        ]
    return [ok(said)]


def not_dialled(why: str) -> Verdict:
    """Say that nobody could look at the certificate."""
    return unseen(
        why, "run it where the Service is reached, or name the webhook with --webhook-url"
    )


def _time(
    where: str, leaf: x509.Certificate, installation: Installation, now: datetime
) -> Iterator[Verdict]:
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now >= end:
        yield fault(f"{where}: expired at {end:%Y-%m-%dT%H:%M:%SZ}", *_to_the_log(installation))
    elif now < start:
        yield fault(
            f"{where}: not valid before {start:%Y-%m-%dT%H:%M:%SZ}",
            "compare the clocks of this machine and of the nodes",
        )
    elif is_ours(leaf.issuer) and now > renewal_time(leaf) + _RENEWAL_GRACE:
        since = f"{renewal_time(leaf):%Y-%m-%d}"
        left = (end - now).days
        yield warning(
            f"{where}: was to be renewed on {since}, and ends in {left} days",
            *_to_the_log(installation),
        )
    elif end - now < _SOON:
        fix = "renew it where it comes from"
        yield warning(f"{where}: ends at {end:%Y-%m-%dT%H:%M:%SZ}", fix)


def _name(where: str, leaf: x509.Certificate, installation: Installation) -> Iterator[Verdict]:
    names = alternative_names(leaf).get_values_for_type(x509.DNSName)
    wanted = installation.dns_name
    if wanted not in {name.lower() for name in names} and not any(
        wanted.endswith(name[1:]) for name in names if name.startswith("*.")
    ):
        has = ", ".join(names) or "no name at all"
        yield fault(
            f"{where}: is for {has}, and the API server asks for {wanted}",
            f"issue it for {wanted}",
        )


def _trust(
    served: Served,
    leaf: x509.Certificate,
    between: Sequence[x509.Certificate],
    trusted: Bundles,
    installation: Installation,
) -> Iterator[Verdict]:
    fix = "the controller puts the right one there within a minute: its log says what hinders"
    for place, bundle in trusted.items():
        if served.refused is not None:
            why = served.refused.get(bundle, "")
        else:
            why = "" if _leads_to(leaf, between, bundle) else "signed by another authority"
        if why:
            message = f"{place}: its caBundle does not trust {served.where}: {why}"
            yield fault(message, fix, installation.certificates_log)


def _trusted_by(trusted: Bundles, installation: Installation) -> str:
    if not trusted:
        return ""
    return f"trusted by {'every caBundle' if installation.configurations else ', '.join(trusted)}, "


def _leads_to(leaf: x509.Certificate, between: Sequence[x509.Certificate], bundle: bytes) -> bool:
    """Whether a chain ends at one of the authorities; as Go, one that is trusted itself ends it."""
    try:
        authorities = x509.load_pem_x509_certificates(bundle)
    except ValueError:
        return False
    at = leaf
    for following in (*between, None):
        if at in authorities or any(is_issued(at, one) for one in authorities):
            return True
        if following is None or not is_issued(at, following):
            return False
        at = following
    return False


def _authority_of(leaf: x509.Certificate, bundle: bytes) -> x509.Certificate | None:
    try:
        authorities = x509.load_pem_x509_certificates(bundle)
    except ValueError:
        return None
    return next((one for one in authorities if is_issued(leaf, one)), None)


def _to_the_log(installation: Installation) -> tuple[str, str]:
    return "the controller makes it: its log says what hinders", installation.certificates_log
