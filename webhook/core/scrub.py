"""What must never leave the webhook though a text holds it: who logs in by a URL, and how."""

import re
from typing import Any

from webhook.core.fields import each_text

_RUN = re.compile(r"\S+")


def scrubbed(said: str) -> str:
    """Cut the userinfo out of the URLs of a text: `scheme://user:password@host`.

    Up to the last @ of what no white space parts, because passwords are written with slashes and
    @ in them as well: rather too much is cut than a piece of one left. In linear time.
    """
    return _RUN.sub(_without_userinfo, said) if "://" in said and "@" in said else said


def scrubbed_all(value: Any) -> Any:
    """Cut the userinfo out of every text of a JSON value, keys included."""
    return each_text(value, scrubbed)


def _without_userinfo(run: re.Match[str]) -> str:
    said = run[0]
    scheme, slashes, rest = said.partition("://")
    return scheme + slashes + rest.rpartition("@")[2] if slashes else said
