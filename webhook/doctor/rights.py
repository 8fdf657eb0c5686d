"""Whether the ServiceAccounts of a release may do what their programs do."""

from collections.abc import Sequence

from webhook.cluster.rights import Right
from webhook.doctor.installation import Installation
from webhook.doctor.verdict import Verdict, fault, ok

_MOST_NAMED = 6


def judge_rights(
    account: str, missing: Sequence[Right], asked: int, installation: Installation
) -> Verdict:
    """Judge which of the rights that an account needs it has not."""
    user = f"system:serviceaccount:{installation.namespace}:{account}"
    if not missing:
        return ok(f"ServiceAccount {account} has its {asked} rights")
    named = ", ".join(map(str, missing[:_MOST_NAMED]))
    more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    return fault(
        f"ServiceAccount {account} may not {named}{more}",
        f"put its roles back (`{installation.upgrade}`); to see one",
        f"kubectl auth can-i {missing[0].verb} {_named(missing[0])} --as {user}"
        + (f" -n {missing[0].namespace}" if missing[0].namespace else ""),
    )


def _named(right: Right) -> str:
    return f"{right.resource}/{right.name}" if right.name else right.resource
