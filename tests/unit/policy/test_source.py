"""Where Rego files come from, and what is refused."""

from pathlib import Path

import pytest

from tests.unit.policy.conftest import Write
from tests.unit.policy.rego import CASES, RULE, module
from webhook.errors import PolicyError
from webhook.policy import source
from webhook.policy.source import built_in_folder, load, opa_testing


def names(extra: list[Path], *, tests: bool = False) -> list[str]:
    return [one.name for one in load(extra, tests=tests) if not one.built_in]


def test_the_built_in_rules_come_first_and_sorted() -> None:
    modules = load()
    assert all(one.built_in for one in modules)
    assert [one.name for one in modules] == sorted(one.name for one in modules)
    assert "main.rego" in [one.name for one in modules]


def test_an_engine_gets_neither_tests_nor_the_module_for_opa_test() -> None:
    assert not any(one.is_test for one in load())
    assert any(one.is_test for one in load(tests=True))
    for modules in load(), load(tests=True):
        assert "lib/testing.rego" not in [one.name for one in modules]
    assert opa_testing().is_file()


def test_folders_are_read_in_the_given_order_and_below(write: Write) -> None:
    one = write("one", {"z.rego": RULE, "deep/er/a.rego": RULE, "notes.md": "no rule"})
    other = write("other", {"a.rego": RULE})
    assert names([other, one]) == ["a.rego", "deep/er/a.rego", "z.rego"]


def test_tests_of_a_user_are_read_only_when_wanted(write: Write) -> None:
    folder = write("rules", {"vpa.rego": RULE, "vpa_test.rego": CASES})
    assert names([folder]) == ["vpa.rego"]
    assert names([folder], tests=True) == ["vpa.rego", "vpa_test.rego"]


def test_a_mounted_config_map_is_read_once(write: Write) -> None:
    folder = write("mounted", {"..2026_01_01/vpa.rego": RULE})
    (folder / "..data").symlink_to("..2026_01_01")
    (folder / "vpa.rego").symlink_to("..data/vpa.rego")
    assert names([folder]) == ["vpa.rego"]


@pytest.mark.parametrize("files", [{}, {"notes.md": ""}, {"only_test.rego": CASES}])
def test_a_folder_without_rules_is_an_error(write: Write, files: dict[str, str]) -> None:
    folder = write("rules", files)
    folder.mkdir(exist_ok=True)
    with pytest.raises(PolicyError, match=r"rules: no \*\.rego file.*--policies"):
        load([folder])


def test_a_file_that_is_no_text_is_named(write: Write) -> None:
    folder = write("rules", {"good.rego": RULE})
    (folder / "bad.rego").write_bytes(b"package a\n\xff")
    with pytest.raises(PolicyError, match=r"bad\.rego: cannot be read: .*utf-8"):
        load([folder])


def test_a_folder_that_is_called_like_a_rule_is_named(write: Write) -> None:
    folder = write("rules", {"odd.rego/notes.md": ""})
    with pytest.raises(PolicyError, match=r"odd\.rego: cannot be read"):
        load([folder])


def test_missing_built_in_rules_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(source, "_PLACES", (tmp_path / "nowhere",))
    with pytest.raises(PolicyError, match="install scaleguard again"):
        built_in_folder()


@pytest.mark.parametrize(
    "text",
    [
        "package a.b",
        "# METADATA\n# title: t\npackage  a.b  # why\n\nimport data.x",
        "\npackage a.b\n",
    ],
)
def test_a_module_says_its_package(text: str) -> None:
    assert module(text).package == "a.b"


@pytest.mark.parametrize("text", ["", "# package a", "import data.a", 'package a["b"]'])
def test_a_module_without_a_package_is_named(text: str) -> None:
    with pytest.raises(PolicyError, match=r"rules/rule\.rego: no package"):
        _ = module(text).package
