"""The Rego files: the built-in rules, and folders that a user adds."""

import re
from collections.abc import Iterable
from pathlib import Path

from webhook.core.frozen import frozen
from webhook.errors import PolicyError

TEST_SUFFIX = "_test.rego"

# Among the built-in files: for `opa test` alone, since the embedded engine aborts on its `with`.
_OPA_TESTING = "lib/testing.rego"

_HERE = Path(__file__).resolve().parent.parent
# In a wheel the rules lie inside the package; in a checkout beside it.
_PLACES = (_HERE / "_policies", _HERE.parent / "policies")

_PACKAGE = re.compile(r"^package[ \t]+([\w.]+)[ \t]*(?:#.*)?$", re.MULTILINE)


@frozen
class Module:
    """One Rego file."""

    path: Path
    name: str
    """How engines name it in their messages: its path below the folder that it was loaded from."""
    text: str
    built_in: bool

    @property
    def is_test(self) -> bool:
        """Whether it is the test of a rule, by its name."""
        return self.name.endswith(TEST_SUFFIX)

    @property
    def package(self) -> str:
        """Its package, as `scaleguard.lib.text`; raises `PolicyError` where it says none."""
        found = _PACKAGE.search(self.text)
        if found is None:
            raise PolicyError(f"{self.path}: no package: a Rego file begins with `package …`")
        return found[1]


def built_in_folder() -> Path:
    """Return the folder of the built-in rules; raises `PolicyError` when it is not there."""
    for place in _PLACES:
        if (place / "main.rego").is_file():
            return place
    raise PolicyError("the built-in policies are missing: install scaleguard again")


def opa_testing() -> Path:
    """Return the module by which `opa test` judges the cases beside the rules."""
    return built_in_folder() / _OPA_TESTING


def load(extra: Iterable[Path] = (), *, tests: bool = False) -> list[Module]:
    """Read the built-in rules and those of further folders, in a fixed order.

    With `tests`, the tests beside the rules are read too. A folder without a single rule is an
    error: a mistyped path must not silently mean "no rules".
    """
    built_in = _folder(built_in_folder(), built_in=True)
    modules = [module for module in built_in if module.name != _OPA_TESTING]
    for folder in extra:
        found = _folder(folder, built_in=False)
        if not any(not module.is_test for module in found):
            raise PolicyError(
                f"{folder}: no *.rego file in this folder: check the path of --policies"
            )
        modules += found
    return [module for module in modules if tests or not module.is_test]


def names(folder: Path) -> list[Path]:
    """List the Rego files of a folder, sorted, by their paths below it.

    Hidden folders are left out: a mounted ConfigMap has every file there once more.
    """
    found = sorted(path.relative_to(folder) for path in folder.rglob("*.rego"))
    return [name for name in found if not any(part.startswith(".") for part in name.parts)]


def _folder(folder: Path, *, built_in: bool) -> list[Module]:
    return [
        Module(folder / name, name.as_posix(), _read(folder / name), built_in)
        for name in names(folder)
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
