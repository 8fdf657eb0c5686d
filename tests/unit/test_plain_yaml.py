"""YAML that would exhaust whoever reads it, and what escapes PyYAML beside its own errors."""

from pathlib import Path

import pytest
import yaml

from webhook import config, plain_yaml
from webhook.errors import ConfigError, PolicyError
from webhook.plain_yaml import DEEPEST_LEVEL, MOST_VALUES
from webhook.policy.catalogue import metadata
from webhook.policy.source import Module

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{below}'] * 10)}]\n"
    for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)
"""A billion values in 400 bytes."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: &x {b: [1, 2]}\nc: *x\n", {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}),
        ("[" * (DEEPEST_LEVEL - 1) + "]" * (DEEPEST_LEVEL - 1), None),
        ("<<: {a: 1}\nb: 2", {"a": 1, "b": 2}),
    ],
)
def test_what_people_write_is_read(text: str, value: object) -> None:
    read = plain_yaml.load(text)
    assert value is None or read == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[" * 100_000, f"nested deeper than {DEEPEST_LEVEL} levels"),
        ("[" * 100_000 + "]" * 100_000, f"nested deeper than {DEEPEST_LEVEL} levels"),
        ("a:\n" + "".join(f"{' ' * depth}b:\n" for depth in range(1, 300)), "nested deeper"),
        (LAUGHS, f"it stands for more than {MOST_VALUES:,} values"),
        ("rules: &a {x: *a}", "the value of the anchor &a contains itself"),
        ("x: 2026-13-45", "a value that cannot be: month must be in 1..12"),
        ("x: !!bool maybe", "a value that cannot be: 'maybe'"),
        ("x: !!int ''", "a value that cannot be: string index out of range"),
        ("x: !!timestamp a", "a value that cannot be: 'NoneType' object has no attribute"),
        ("x: *nobody", "found undefined alias"),
        ("x: [", "while parsing a flow node"),
        ("x: " + "[" * 230 + "W" + "[" * 3000, "nested deeper"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_way(text: str, told: str) -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        plain_yaml.load(text)
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["x: " + "[" * 5000, LAUGHS, "x: 2026-13-45", "{rules: *a}"])
def test_a_configuration_that_exhausts_is_no_fault_of_the_program(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="not YAML"):
        config.load(file)


def test_what_a_rule_says_of_itself_never_ends_the_process() -> None:
    text = f"# METADATA\n# x: {'[' * 200_000}\npackage scaleguard.rules.custom.x\n"
    with pytest.raises(PolicyError, match="line 2: the METADATA comment is not YAML"):
        metadata(Module(Path("x.rego"), "x.rego", text, built_in=False))
