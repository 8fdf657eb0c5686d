"""What rules say of themselves."""

import pytest

from tests.unit.policy.rego import CASES, RULE, module
from webhook.core.finding import Action
from webhook.errors import PolicyError
from webhook.policy.catalogue import catalogue, metadata
from webhook.policy.source import load


def renamed(name: str) -> str:
    return RULE.replace("custom/vpa", f"custom/{name}").replace("team.vpa", f"team.{name}")


def test_other_rules_come_behind_them_by_id_unless_they_say_where() -> None:
    names = ("z", "a", "first")
    texts = {name: renamed(name) for name in names}
    texts["first"] = texts["first"].replace("#   default:", "#   order: 5\n#   default:")
    mine = [module(text, f"{name}.rego") for name, text in texts.items()]
    listed = list(catalogue([*mine, *load()]))
    assert (listed[0], listed[-2:]) == ("custom/first", ["custom/a", "custom/z"])


def test_a_rule_says_everything_about_itself() -> None:
    rule = catalogue([module(RULE)])["custom/vpa"]
    assert rule.title == "A VPA of this team"
    assert rule.description == "There is one, and there should be none."
    assert rule.default is Action.WARN
    assert rule.remedy == "delete it"
    assert rule.links == ("https://example.com/why",)
    assert rule.path == "rules/rule.rego"


@pytest.mark.parametrize(
    "text",
    [
        "package a",
        "# METADATA\npackage a",
        "# METADATA\n# - a list\npackage a",
        "# METADATA\n# title: a library\npackage a",
        "# METADATA\n# custom: no mapping\npackage a",
        "# METADATA\n# custom: {owner: me}\npackage a",
        CASES,
    ],
)
def test_what_says_of_no_rule_is_none(text: str) -> None:
    assert catalogue([module(text)]) == {}


def test_the_first_metadata_is_that_of_the_module() -> None:
    text = "# METADATA\n# title: first\npackage a\n\n# METADATA\n# title: second\nx := 1\n"
    assert metadata(module(text)) == {"title": "first"}


@pytest.mark.parametrize("name", ["vpa", "team.vpa", "rules.team.vpa", "scaleguard.rules.team.vpa"])
def test_a_rule_of_a_user_is_called_by_its_package(name: str) -> None:
    assert list(catalogue([module(RULE.replace("custom/vpa", f"custom/{name}"))])) == [
        f"custom/{name}"
    ]


@pytest.mark.parametrize(
    "name", ["vpa", "custom/", "custom/pa", "custom/hpa", "custom/team", "x/vpa"]
)
def test_any_other_name_is_refused_with_the_right_one(name: str) -> None:
    with pytest.raises(PolicyError) as raised:
        catalogue([module(RULE.replace("custom/vpa", name))])
    assert str(raised.value) == (
        f"rules/rule.rego: rule {name}: write custom/vpa or custom/team.vpa, by its package"
        " scaleguard.rules.team.vpa"
    )


@pytest.mark.parametrize("action", ["deny", "warn", "audit", "off", '"off"'])
def test_every_action_may_be_the_default(action: str) -> None:
    text = RULE.replace("default: warn", f"default: {action}")
    assert catalogue([module(text)])["custom/vpa"].default == action.strip('"')


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("#   default: warn\n", "", "the METADATA of rule custom/vpa lacks default"),
        ("# title: A VPA of this team\n", "", "the METADATA of rule custom/vpa lacks title"),
        (
            "#   default: warn\n#   remedy: delete it\n",
            "",
            "the METADATA of rule custom/vpa lacks default, remedy",
        ),
        ("default: warn", "default: maybe", "default is 'maybe', not deny, warn, audit or off"),
        ("default: warn", "default: [deny]", "default is ['deny'], not deny, warn, audit or off"),
        (
            "default: warn",
            "default: warn\n#   order: first",
            "order is 'first', not a whole number",
        ),
        ("default: warn", "default: warn\n#   order: true", "order is True, not a whole number"),
        (
            "title: A",
            "title: [A",
            "line 3: the METADATA comment is not YAML: did not find expected ',' or ']'",
        ),
        (
            "title: A VPA",
            "title: A\x07 VPA",
            "line 2: the METADATA comment is not YAML: unacceptable character #x0007",
        ),
        (
            "package scaleguard.rules.team.vpa",
            "package team.vpa",
            "package team.vpa: a rule is found only in a package scaleguard.rules.<family>.<rule>",
        ),
        (
            "package scaleguard.rules.team.vpa",
            "package scaleguard.rules.vpa",
            "package scaleguard.rules.vpa: a rule is found only in",
        ),
    ],
)
def test_what_is_wrong_is_said_with_the_file(old: str, new: str, says: str) -> None:
    assert old in RULE
    with pytest.raises(PolicyError) as raised:
        catalogue([module(RULE.replace(old, new))])
    assert str(raised.value).startswith("rules/rule.rego: ")
    assert says in str(raised.value)


def test_an_id_is_taken_once() -> None:
    with pytest.raises(PolicyError, match=r"rules/b\.rego: a rule custom/vpa exists already"):
        catalogue([module(RULE, "a.rego"), module(RULE, "b.rego")])
