"""What a cluster trusts, serves and asks at, and what has to change now; pure but for keys.

Three things roll over: the authority, the leaf that it signs, and the path of the webhook's URLs.
The authority and the path take their time (`certs.phases`). The leaf needs none: it is signed by
an authority that is trusted already.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from certs.authority import CLOCK_SKEW, LEAF_LIFE, Names, issue_leaf, make_authority
from certs.pair import Bundle, Pair, fault, parse_certificate
from certs.phases import Phased
from certs.plan import age, is_signed, leaf_reason
from certs.renewal import NotOursError, is_ours, still_trusted

PATH_LIFE = LEAF_LIFE * 2 / 3
"""How long one path is asked at: as long as a leaf is served."""

# Nobody guesses 128 bits. The API server wants segments of webhook paths to be DNS names
# (k8s.io/apiserver pkg/util/webhook/validation.go): hexadecimal digits are.
_PATH_BYTES = 16

# Whoever empties the Secret again and again has a new authority made each time; so many of them are
# trusted at once, the newest first, at 600 bytes each.
_MOST_TRUSTED = 8

_END = b"-----END CERTIFICATE-----"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What takes the place of something, and why."""

    to: T
    why: str


@dataclass(frozen=True, slots=True)
class Terms:
    """When and how things change."""

    now: datetime
    overlap: timedelta
    """How long it takes at most until everybody has learnt of something."""


@dataclass(frozen=True, slots=True)
class Served:
    """What those who serve are given: the Secret that they mount."""

    leaf: Pair
    trusted: bytes
    """The authorities that clients know."""


def authority_change(
    state: Phased[Pair] | None, terms: Terms, served: Served, *, asked: bool = False
) -> Change[Phased[Pair]] | None:
    """Return what becomes of the authorities now; None where they stay as they are.

    `asked`: somebody wants a new one.
    """
    now = terms.now
    wrong = fault(state.current, "ca", now) if state is not None else "there is none"
    if state is None or wrong is not None:
        known = served.trusted + (trusted_bundle(state, now) if state is not None else b"")
        before = Pair(_each_trusted(known, now))
        made = Phased(make_authority(now), now, before=None if before.is_absent else before)
        return Change(made, str(wrong))
    if state.next is not None and fault(state.next, "ca", now) is not None:
        return Change(Phased(state.current, now, before=state.before), "the next one is broken")
    moved = state.moved_on(now, terms.overlap)
    if moved is not None:
        # Whoever has the leaf of the one before has to have had time to get the other.
        is_early = moved.is_settled and not _is_spread(served.leaf, state.current, terms)
        return None if is_early else Change(_public_before(moved), _told(moved))
    due = "asked for" if asked else age(state.current.certificate, "ca", now)
    if due is None or not state.is_settled:
        return None
    return Change(state.announced(make_authority(now), now), f"{due}: a new one is announced")


def trusted_bundle(state: Phased[Pair], now: datetime) -> bytes:
    """Return the certificates of all authorities that are to be trusted, the current one first."""
    return _each_trusted(b"".join(one.certificate for one in state.known), now)


def _each_trusted(pem: bytes, now: datetime) -> bytes:
    """Return the certificates of a PEM text that are valid, each once; broken ones are left out."""
    blocks = dict.fromkeys(part + _END for part in pem.split(_END)[:-1])
    valid = dict.fromkeys(filter(None, (still_trusted(block, now) for block in blocks)))
    return b"".join(list(valid)[:_MOST_TRUSTED])


def leaf_change(
    leaf: Pair, authority: Pair, names: Names, now: datetime, *, asked: bool = False
) -> Change[Pair] | None:
    """Return a leaf that takes the place of this one; None where it is good.

    Raises `NotOursError` where another authority than ours made the one that is there.
    """
    due = leaf_reason(Bundle(authority, leaf), now, names)
    if due is None and asked:
        due = "asked for"
    if due is None:
        return None
    certificate = parse_certificate(leaf.certificate)
    if certificate is not None and not is_ours(certificate.issuer):
        raise NotOursError(
            f"{due}, and tls.crt comes from another authority "
            f"({certificate.issuer.rfc4514_string()}), so nothing is written over: set "
            "certificates.source to secret to serve your own, or remove it to have one made here"
        )
    return Change(issue_leaf(authority, names, now), due)


def path_change(
    state: Phased[str] | None, terms: Terms, asked_at: str = "", *, asked: bool = False
) -> Change[Phased[str]] | None:
    """Return what becomes of the path now; None where it stays as it is.

    `asked_at` is the one that the API server uses, for when the state was lost; `asked`: it is to
    be followed by another one, as the leaf is.
    """
    now = terms.now
    if state is None:
        return Change(Phased(asked_at or make_path(), now), "there is none")
    moved = state.moved_on(now, terms.overlap)
    if moved is not None:
        return Change(moved, _told(moved))
    is_due = asked or now >= state.since + PATH_LIFE
    if not is_due or not state.is_settled:
        return None
    why = "with the leaf" if asked else f"it is {(now - state.since).days} days old"
    return Change(state.announced(make_path(), now), f"{why}: a new one is announced")


def make_path() -> str:
    """Make a segment of a URL that nobody guesses."""
    return secrets.token_hex(_PATH_BYTES)


def _is_spread(leaf: Pair, authority: Pair, terms: Terms) -> bool:
    """Whether a leaf of this authority was given to those who serve as long ago as it takes."""
    issued = parse_certificate(leaf.certificate)
    if issued is None or not is_signed(Bundle(authority, leaf)):
        return False
    return terms.now >= issued.not_valid_before_utc + CLOCK_SKEW + terms.overlap


def _public_before(state: Phased[Pair]) -> Phased[Pair]:
    """Forget the key of the one before: it signs nothing any more."""
    if state.before is None:
        return state
    return Phased(state.current, state.since, state.next, Pair(state.before.certificate))


def _told(state: Phased[T]) -> str:
    if state.is_settled:
        return "the one before is forgotten"
    return "a clock was wrong" if state.next is not None else "the one that was announced is used"
