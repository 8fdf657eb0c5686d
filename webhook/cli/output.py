"""What commands print for other programs, and what they may print on any terminal."""

import io
import sys

import click


def echo_utf8(text: str, *, nl: bool = True) -> None:
    """Print JSON or YAML: UTF-8 whatever the locale says.

    A file's name may hold bytes that are no text; in JSON they become escapes.
    """
    click.echo(text.encode(errors="backslashreplace"), nl=nl)


def print_anything() -> None:
    """Print a question mark for what the terminal's encoding has not, in place of an error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def visible(text: str) -> str:
    """Replace what is not printable: names in manifests must not steer a terminal or a CI log."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
