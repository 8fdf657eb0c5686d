"""The Rego files: the built-in rules, and folders that a user adds."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from webhook.errors import PolicyError

TEST_SUFFIX = "_test.rego"

_PACKAGE = Path(__file__).resolve().parent.parent
# In a wheel the rules lie inside the package; in a checkout beside it.
_PLACES = (_PACKAGE / "_policies", _PACKAGE.parent / "policies")


@dataclass(frozen=True, slots=True)
class Module:
    """One Rego file."""

    path: Path
    name: str
    """How engines name it in their messages: its path below the folder that it was loaded from."""
    text: str
    built_in: bool


def built_in_folder() -> Path:
    """Return the folder of the built-in rules; raises `PolicyError` when it is not there."""
    for place in _PLACES:
        if (place / "main.rego").is_file():
            return place
    raise PolicyError("the built-in policies are missing: install scaleguard again")


def load(extra: Iterable[Path] = (), *, tests: bool = False) -> list[Module]:
    """Read the built-in rules and those of further folders, in a fixed order.

    With `tests`, the tests beside the rules are read too. A folder without a single rule is an
    error: a mistyped path must not silently mean "no rules".
    """
    modules = _folder(built_in_folder(), built_in=True)
    for folder in extra:
        found = _folder(folder, built_in=False)
        if not any(not module.name.endswith(TEST_SUFFIX) for module in found):
            raise PolicyError(
                f"{folder}: no *.rego file in this folder: check the path of --policies"
            )
        modules += found
    return [module for module in modules if tests or not module.name.endswith(TEST_SUFFIX)]


def _folder(folder: Path, *, built_in: bool) -> list[Module]:
    return [
        Module(path, path.relative_to(folder).as_posix(), _read(path), built_in)
        for path in sorted(folder.rglob("*.rego"))
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
