"""How tolerations compare: which covers which, and which a namespace accepts."""

from collections.abc import Iterable

from webhook.core.fields import Raw, integer, text


def covers(one: Raw, other: Raw) -> bool:
    """Whether one toleration matches every taint that another matches.

    Source: k8s.io/api core/v1/toleration.go (`ToleratesTaint`): an empty effect matches every
    effect, an empty key with `Exists` every key; how long a taint is tolerated plays no part.
    """
    if text(one, "effect") not in {"", text(other, "effect")}:
        return False
    if text(one, "operator") == "Exists":
        return text(one, "key") in {"", text(other, "key")}
    return _taint(one) == _taint(other)


def _taint(toleration: Raw) -> tuple[str, str, str]:
    operator = text(toleration, "operator") or "Equal"
    return operator, text(toleration, "key"), text(toleration, "value")


def is_accepted(toleration: Raw, allowed: Iterable[Raw]) -> bool:
    """Whether a namespace that allows some tolerations accepts this one.

    Source: k8s.io/kubernetes pkg/util/tolerations/tolerations.go (`isSuperset`). It asks for more
    than `covers`: no operator is not the same as `Equal` unless all is the same, and a bound on how
    long a taint is tolerated holds.
    """
    return any(_allows(one, toleration) for one in allowed)


def _allows(one: Raw, other: Raw) -> bool:
    if _fields(one) == _fields(other):
        return True
    if text(one, "effect") == "NoExecute" and not _is_as_short(other, one):
        return False
    matched = text(one, "operator") == "Exists" or text(other, "operator") == "Equal"
    return matched and covers(one, other)


def _is_as_short(toleration: Raw, than: Raw) -> bool:
    most, seconds = integer(than, "tolerationSeconds"), integer(toleration, "tolerationSeconds")
    return most is None or (seconds is not None and seconds <= most)


def _fields(toleration: Raw) -> tuple[object, ...]:
    names = ("key", "operator", "value", "effect")
    return *(text(toleration, name) for name in names), integer(toleration, "tolerationSeconds")
