"""`review --fix` and `--diff`: fixed manifests on disk, on stdout, or as a diff."""

import difflib
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

import click

from webhook.cli.output import echo_utf8, visible
from webhook.manifests.paths import STDIN, decode
from webhook.offline.fixes import CHANGED, Fixing

_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
# Line feeds alone end a line, so that those of other systems stay as they are.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_NO_END = "\\ No newline at end of file"


def write(fixing: Fixing) -> list[str]:
    """Write what was fixed and tell it on stderr; return the files that could not be written."""
    unwritten: dict[str, str] = {}
    for file in fixing.changed:
        if file == STDIN:
            continue
        try:
            _write(Path(file), fixing.before[file], fixing.after[file])
        except OSError as error:
            unwritten[file] = error.strerror or str(error)
    for fix in fixing.made:
        reason = unwritten.get(fix.source.file)
        if reason is None:
            click.echo(visible(f"fixed: {fix}"), err=True)
        else:
            click.echo(visible(f"not fixed: {fix.source}: {reason}"), err=True)
    tell_left(fixing)
    return list(unwritten)


def tell_left(fixing: Fixing) -> None:
    """Tell on stderr what could not be fixed."""
    for left in fixing.left.values():
        click.echo(visible(f"not fixed: {left}"), err=True)


def _write(path: Path, before: bytes, after: bytes) -> None:
    """Replace a file as a whole, or not at all; what it is linked to stays linked."""
    path = path.resolve(strict=True)
    status = path.stat()
    if not (status.st_mode & _ANY_WRITE and os.access(path, os.W_OK)):
        raise PermissionError(0, "the file cannot be written")
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as temporary:
        name = Path(temporary.name)
        try:
            temporary.write(after)
            temporary.flush()
            os.fsync(temporary.fileno())
            os.fchmod(temporary.fileno(), stat.S_IMODE(status.st_mode))
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(temporary.fileno(), status.st_uid, status.st_gid)
            _check_unchanged(path, before)
            name.replace(path)
        except BaseException:
            name.unlink(missing_ok=True)
            raise


def _check_unchanged(path: Path, before: bytes) -> None:
    if path.read_bytes() != before:
        raise OSError(0, CHANGED)


def print_stdin(fixing: Fixing, content: bytes) -> None:
    """Print standard input as it is now, to the byte."""
    click.echo(fixing.after.get(STDIN, content), nl=False)


def print_diff(fixing: Fixing) -> None:
    """Print a unified diff of what would be fixed: for `patch -p0`, coloured on a terminal."""
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for file in fixing.changed:
        for line in _diff(file, fixing.before[file], fixing.after[file]):
            if colour:
                click.secho(visible(line), fg=_STYLES.get(line[:1]))
            else:
                echo_utf8(line)


def _diff(file: str, before: bytes, after: bytes) -> Iterator[str]:
    name = "stdin" if file == STDIN else file
    old, new = (_LINE.findall(_text(content)) for content in (before, after))
    for number, line in enumerate(difflib.unified_diff(old, new, name, name, lineterm="")):
        yield line.removesuffix("\n")
        is_heading = number < 2 or line.startswith("@")  # noqa: PLR2004
        if not (is_heading or line.endswith("\n")):
            yield _NO_END


def _text(content: bytes) -> str:
    """Decode a manifest; where it is not UTF-16, with the line breaks that it has."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return decode(content)
