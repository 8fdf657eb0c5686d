"""Where rules of users are found, and which would never find anything."""

import pytest

from tests.unit.policy.rego import CASES, RULE, module
from webhook.errors import PolicyError
from webhook.policy.places import places
from webhook.policy.source import Module, load

PACKAGE = "package scaleguard.rules.team.vpa"
HEAD, _, BODY = RULE.partition(PACKAGE)


def fault(*mine: Module) -> str:
    with pytest.raises(PolicyError) as raised:
        places([*load(), *mine])
    return str(raised.value)


def test_rules_of_users_are_found_in_packages_of_their_own() -> None:
    library = module("package team.text", "text.rego")
    mine = [module(RULE, "a.rego"), module("package scaleguard.rules.team.vpa", "b.rego"), library]
    assert places([*load(), *mine]) == {
        "scaleguard.rules.team.vpa": {"rules/a.rego", "rules/b.rego"}
    }


@pytest.mark.parametrize(
    "package", ["scaleguard", "scaleguard.lib.text", "scaleguard.rules.pods.pod_over_quota"]
)
def test_nobody_adds_to_a_package_of_ours(package: str) -> None:
    says = f"rules/odd.rego: package {package} is built in: choose another name"
    with pytest.raises(PolicyError) as raised:
        places([*load(), module(f"package {package}", "odd.rego")])
    assert str(raised.value) == says


def test_findings_may_be_in_another_file_than_the_metadata() -> None:
    files = [module(f"{HEAD}{PACKAGE}", "a.rego"), module(f"{PACKAGE}{BODY}", "b.rego")]
    assert places(files) == {"scaleguard.rules.team.vpa": {"rules/a.rego", "rules/b.rego"}}


def test_a_test_is_no_place_of_rules() -> None:
    test = module(CASES, "vpa_test.rego")
    assert places([module(RULE), test]) == {"scaleguard.rules.team.vpa": {"rules/rule.rego"}}


@pytest.mark.parametrize("name", ["finding", "deny", "findings_of_mine"])
def test_a_rule_that_never_finds_anything_is_refused(name: str) -> None:
    assert fault(module(RULE.replace("findings contains", f"{name} contains"))) == (
        "rules/rule.rego: package scaleguard.rules.team.vpa has no `findings`, so that the rule"
        " never finds anything: write `findings contains finding if { … }`"
    )


def test_findings_of_no_rule_are_refused() -> None:
    assert fault(module(f"{PACKAGE}{BODY}")) == (
        "rules/rule.rego: package scaleguard.rules.team.vpa has findings, and no METADATA says of"
        " which rule: write `custom.rule` into a METADATA comment before the package"
    )


def test_files_without_any_rule_are_refused_each_for_what_it_lacks() -> None:
    assert fault(module("package foo", "a.rego"), module(f"{PACKAGE}\nx := 1", "b.rego")) == (
        "rules/a.rego: package foo: a rule is found only in a package"
        " scaleguard.rules.<family>.<rule>\n"
        "rules/b.rego: no rule in it: its METADATA comment, before the package, has no"
        " `custom.rule`"
    )
