"""A rule is a complete folder or the build fails; the core is pure; files stay readable."""

import ast
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from webhook.policy.catalogue import DEFAULT_ORDER, catalogue, metadata
from webhook.policy.source import Module, built_in_folder, load
from webhook.policy.testing import run

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ROOT / "policies"
CASES = ROOT / "tests" / "cases"

# What is promised to users: rule ids and their default actions. A rule that is not there yet is no
# fault, one that is not listed here is.
DEFAULTS = {
    "hpa-vpa-same-metric": "deny",
    "duplicate-hpa": "deny",
    "duplicate-vpa": "deny",
    "hpa-vpa-alias-metric": "warn",
    "hpa-missing-request": "warn",
    "hpa-invalid-metric": "warn",
    "hpa-no-effect": "warn",
    "hpa-not-load-balanced": "warn",
    "vpa-wrong-target": "warn",
    "vpa-no-effect": "warn",
    "vpa-unsupported-resource": "warn",
    "vpa-exceeds-limits": "warn",
    "gpu-unschedulable": "warn",
    "gpu-node-squatter": "warn",
    "training-evictable": "warn",
    "pod-over-quota": "warn",
    "kueue-template-unfitted": "warn",
}

LEAST_CASES = 3
LONGEST_FILE_LINES = 400

# Of the standard library, what the core must do without: the outside, time and chance.
IMPURE = {
    *("asyncio", "concurrent", "contextvars", "ctypes", "fcntl", "getpass", "glob", "http", "io"),
    *("importlib", "logging", "mmap", "multiprocessing", "os", "pathlib", "platform", "queue"),
    *("random", "secrets", "select", "selectors", "shutil", "signal", "socket", "socketserver"),
    *("sqlite3", "ssl", "subprocess", "sys", "syslog", "tempfile", "threading", "time", "urllib"),
    *("uuid", "warnings", "xmlrpc"),
}

PURE = {("sys", "intern")}
"""What is pure of a module that is not."""
# What opens a door without an import.
DOORS = {"open", "input", "print", "exec", "eval", "__import__", "breakpoint"}

RULES = sorted(path for path in POLICIES.glob("*/*") if path.is_dir() and path.parent.name != "lib")
REGO = sorted(POLICIES.rglob("*.rego"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_of(path: Path) -> str:
    """The text of a Rego file without its comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def module_of(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path, path.relative_to(POLICIES).as_posix(), text, built_in=True)


# ---------------------------------------------------------------- rules


@pytest.fixture(scope="module")
def cases_of_tests() -> Counter[str]:
    """How many cases each test file has."""
    return Counter(one.module.name for one in run(load(tests=True)) if one.passed)


def test_there_are_rules() -> None:
    assert built_in_folder() == POLICIES
    assert RULES


@pytest.mark.parametrize("folder", RULES, ids=name_of)
def test_a_rule_is_a_complete_folder(folder: Path, cases_of_tests: Counter[str]) -> None:
    rule, test = folder / f"{folder.name}.rego", folder / f"{folder.name}_test.rego"
    assert sorted(folder.iterdir()) == [rule, test], "a rule and its test, each in one file"
    module = module_of(rule)
    assert module.package == f"scaleguard.rules.{folder.parent.name}.{folder.name}"
    assert module_of(test).package == f"{module.package}_test"
    said = metadata(module)
    assert {"title", "description", "custom"} <= said.keys()
    assert {"rule", "default", "remedy"} <= said["custom"].keys()
    rule_id = said["custom"]["rule"]
    assert rule_id == folder.name.replace("_", "-")
    found = cases_of_tests[module_of(test).name]
    assert found >= LEAST_CASES, f"{name_of(test)}: {found} cases, at least {LEAST_CASES} are due"
    assert list((CASES / rule_id).glob("*.yaml")), f"tests/cases/{rule_id}/ shows no manifest"


def test_ids_and_defaults_are_those_that_are_promised() -> None:
    rules = catalogue(load())
    assert {rule: one.default.value for rule, one in rules.items()} == {
        rule: DEFAULTS[rule] for rule in rules
    }
    assert len(rules) == len(RULES)


def test_rules_are_listed_in_one_order_everywhere() -> None:
    """A rule that does not say its order would come behind the rules of users."""
    orders = [rule.order for rule in catalogue(load()).values()]
    assert len(set(orders)) == len(orders)
    assert max(orders) < DEFAULT_ORDER


@pytest.mark.parametrize("path", REGO, ids=name_of)
def test_nothing_is_written_that_the_embedded_engine_gets_wrong(path: Path) -> None:
    code = code_of(path)
    assert "sprintf(" not in code, (
        "use concat: the embedded engine's sprintf puts quotes around what concat, lower and"
        " replace return"
    )
    assert not re.search(r"[=!]=\s*null\b|\bnull\s*[=!]=", code), (
        "use is_null, is_string and their like: comparing with null has crashed the embedded engine"
    )
    if path != POLICIES / "lib" / "testing.rego":
        assert not re.search(r"\bwith\s+(input|data)\b", code), (
            "write cases as data: the embedded engine aborts on some uses of `with`"
        )


# ---------------------------------------------------------------- Python


@pytest.mark.parametrize("path", sorted((ROOT / "webhook" / "core").rglob("*.py")), ids=name_of)
def test_the_core_is_pure(path: Path) -> None:
    """The same as import-linter's contract, and it sees what no import shows."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are written in full"
            of_module = {(node.module, alias.name) for alias in node.names}
            modules = [node.module or ""] if of_module - PURE else []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in DOORS, f"line {node.lineno}: {node.func.id}()"
        for module in modules:
            where = f"line {node.lineno}: {module}" if hasattr(node, "lineno") else module
            top = module.partition(".")[0]
            if top == "webhook":
                assert module == "webhook.core" or module.startswith("webhook.core."), where
            else:
                assert top in sys.stdlib_module_names, f"{where} is not the standard library"
                assert top not in IMPURE, f"{where} reaches the outside, time or chance"


PRODUCT = sorted(
    path for top in ("webhook", "certs", "scripts") for path in (ROOT / top).rglob("*.py")
)


def test_what_may_be_unsafe_says_on_its_line_why_it_is_not() -> None:
    """The linter asks (ruff's S, bandit's checks), and whoever reads would ask as well."""
    found = [
        (f"{name_of(path)}:{number}", line.partition("# noqa:")[2])
        for path in PRODUCT
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"# noqa: (?:[A-Z]+[0-9]+, )*S[0-9]{3}\b", line)
    ]
    assert len(found) > 10
    without = [where for where, rest in found if not re.search(r" - \w[^#]{5,}$", rest)]
    assert without == []


def test_nothing_unsafe_is_let_off_for_a_whole_file_or_without_a_name() -> None:
    for path in PRODUCT:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"# ruff: noqa|# noqa(?!: [A-Z]+[0-9])", text), name_of(path)
    with (ROOT / "pyproject.toml").open("rb") as file:
        lint = tomllib.load(file)["tool"]["ruff"]["lint"]
    assert not [rule for rule in lint["ignore"] if re.match(r"S[0-9]", rule)]
    let_off = {
        top
        for top, rules in lint["per-file-ignores"].items()
        for one in rules
        if re.match(r"S[0-9]", one)
    }
    assert let_off == {"tests/**"}


@pytest.mark.parametrize("path", sorted((ROOT / "webhook").rglob("*.py")), ids=name_of)
def test_files_stay_readable(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE_LINES, f"{lines} lines: split it by what it decides"
    assert path.stem not in {"utils", "helpers", "manager", "common", "misc"}
