"""Where the rules of users are: a package for each, with METADATA and findings.

What is looked at here no engine complains of: rules that nobody asks, or that find nothing ever.
"""

import re
from collections.abc import Iterable, Sequence

from webhook.errors import Faults, PolicyError
from webhook.policy.catalogue import PLACE, check_place, says_a_rule
from webhook.policy.source import Module

_FINDINGS = re.compile(r"^(?:default[ \t]+)?findings\b", re.MULTILINE)


def places(modules: Iterable[Module]) -> dict[str, set[str]]:
    """Return the packages of users in which rules are found, each with its files.

    Raises `PolicyError` where one is a package of ours: it would change what our rules say; where
    a rule could find nothing ever; and where users have files, and no rule in them.
    """
    modules = list(modules)
    ours = {module.package for module in modules if module.built_in}
    theirs = [module for module in modules if not module.built_in and not module.is_test]
    found: dict[str, list[Module]] = {}
    faults = Faults()
    for module in theirs:
        with faults.noted():
            if module.package in ours:
                raise PolicyError(
                    f"{module.path}: package {module.package} is built in: choose another name"
                )
            if PLACE.fullmatch(module.package):
                found.setdefault(module.package, []).append(module)
    faults.refuse()
    for package, files in found.items():
        with faults.noted():
            _check(package, files)
    faults.refuse()
    if theirs and not any(map(says_a_rule, theirs)):
        _refuse(theirs)
    return {package: {str(one.path) for one in files} for package, files in found.items()}


def _check(package: str, files: Sequence[Module]) -> None:
    """Refuse a rule without findings, and findings of no rule."""
    rule = next(filter(says_a_rule, files), None)
    finding = next((one for one in files if _FINDINGS.search(one.text)), None)
    if rule is not None and finding is None:
        raise PolicyError(
            f"{rule.path}: package {package} has no `findings`, so that the rule never finds"
            " anything: write `findings contains finding if { … }`"
        )
    if finding is not None and rule is None:
        raise PolicyError(
            f"{finding.path}: package {package} has findings, and no METADATA says of which rule:"
            " write `custom.rule` into a METADATA comment before the package"
        )


def _refuse(files: Sequence[Module]) -> None:
    """Say of files without any rule what each lacks."""
    faults = Faults()
    for module in files:
        with faults.noted():
            check_place(module)
            raise PolicyError(
                f"{module.path}: no rule in it: its METADATA comment, before the package, has no"
                " `custom.rule`"
            )
    faults.refuse()
