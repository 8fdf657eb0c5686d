"""Which files are meant by the paths that somebody gave, and the text that is in them."""

import codecs
from collections.abc import Iterator, Sequence
from pathlib import Path

STDIN = "-"
_SUFFIXES = (".yaml", ".yml", ".json")

# 10,000 pods as `kubectl get -o yaml` prints them are about 6.5 kB each, 65 MB. The objects made of
# 64 MiB take 0.2 GB when they are pods, and 2 GB when they are nothing but `[],[],[]…`.
LARGEST_BYTES = 64 * 2**20

_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class CannotReadError(Exception):
    """Why the text of a file cannot be had."""


def files(paths: Sequence[str], also: frozenset[str] = frozenset()) -> list[str]:
    """Expand folders into the manifest files below them; what is no folder stays as it is given.

    `also` names files that are wanted whatever their suffix. A folder that cannot be listed stands
    for itself, and reading it says why.
    """
    found: list[str] = []
    for path in paths:
        found.extend(
            sorted(_below(path, also)) if path != STDIN and _is_folder(Path(path)) else [path]
        )
    return list(dict.fromkeys(found))


def _below(top: str, also: frozenset[str]) -> Iterator[str]:
    """Walk a folder. Each folder is entered once, under its own name rather than that of a link."""
    folders, links, entered = [Path(top)], list[Path](), set[tuple[int, int]]()
    while folders or links:
        folder = folders.pop() if folders else links.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            children = sorted(folder.iterdir(), reverse=True)
        except OSError:
            yield str(folder)
            continue
        for child in children:
            if _is_folder(child):
                if not child.name.startswith("."):
                    (links if child.is_symlink() else folders).append(child)
            elif _is_wanted(child.name, also) and _is_for_reading(child):
                yield str(child)


def _is_wanted(name: str, also: frozenset[str]) -> bool:
    return name.endswith(_SUFFIXES) or name in also


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a folder above it is closed
        return False


def _is_for_reading(path: Path) -> bool:
    """Leave out pipes and devices, which a folder may hold and which may never end.

    What is gone or cannot be looked at counts as a file: reading it says why.
    """
    try:
        return path.is_file() or not path.exists()
    except OSError:
        return True


def text_of(path: str) -> str:
    """Read a file; CannotReadError says why that is not possible."""
    try:
        if _is_folder(Path(path)):
            list(Path(path).iterdir())  # its error, not that of open, says what is wrong
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise CannotReadError(error.strerror or str(error)) from None
    except ValueError:
        raise CannotReadError("a path cannot hold a NUL character") from None
    return decode(content)


def decode(content: bytes) -> str:
    """Turn the bytes of a manifest (UTF-8, or UTF-16 with a BOM) into text with line feeds."""
    if len(content) > LARGEST_BYTES:
        raise CannotReadError(f"larger than {LARGEST_BYTES // 2**20} MiB; split it")
    bom, encoding = next(
        (known for known in _ENCODINGS if content.startswith(known[0])), (b"", "utf-8")
    )
    try:
        text = content[len(bom) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].decode(encoding, "replace").count("\n") + 1
        byte = error.object[error.start]
        raise CannotReadError(f"not {encoding.upper()}: line {line}: byte 0x{byte:02x}") from None
    if "\r" in text:  # both parsers take it for a line break
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Where files were concatenated, their marks stand at the beginning of lines.
    return text.removeprefix("\ufeff").replace("\n\ufeff", "\n") if "\ufeff" in text else text
