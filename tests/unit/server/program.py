"""A server in a process of its own: `python -m tests.unit.server.program FOLDER OPTIONS`.

OPTIONS is JSON for `ServeOptions`. Files in FOLDER steer it while it runs: `ready` makes it ready,
`slow` holds the seconds that a judgement takes, `broken` keeps workers from starting.
"""

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

from certs.authority import Names
from tests.unit.server.fakes import FakeService, deny_all
from webhook.core.verdict import Verdict
from webhook.errors import ScaleguardError
from webhook.server.app import create_app
from webhook.server.metrics import Metrics
from webhook.serving import tls
from webhook.serving.gunicorn import serve
from webhook.serving.options import Addresses, ServeOptions


class Steered(FakeService):
    """A service that does what the files in its folder say."""

    def __init__(self, folder: Path) -> None:
        super().__init__(self.slowly)
        self.folder = folder
        if (folder / "broken").exists():
            raise RuntimeError("the policies are broken")

    def slowly(self, document: dict[str, Any]) -> list[Verdict]:
        slow = self.folder / "slow"
        if slow.exists():
            time.sleep(float(slow.read_text(encoding="utf-8")))
        return deny_all(document)

    def remarks(self) -> list[str]:
        return []

    def not_ready(self) -> list[str]:
        return [] if (self.folder / "ready").exists() else ["told to wait"]


def say(addresses: Addresses) -> None:
    """Tell the test where to find the server."""
    print(json.dumps({"url": addresses.url, "metrics_url": addresses.metrics_url}), flush=True)


def main(folder: Path, options: dict[str, Any]) -> None:
    """Serve until a signal comes; the exit status is 1 where serving cannot begin."""
    logging.basicConfig(level=logging.INFO)
    tls.REQUEST_SECONDS = options.pop("request_seconds", tls.REQUEST_SECONDS)
    names = Names.of(["127.0.0.1", "localhost"])
    try:
        serve(
            ServeOptions("127.0.0.1:0", folder / "certs", names, **options),
            lambda served: create_app(
                Steered(folder), Metrics(), certificate_problems=served.problems
            ),
            say,
        )
    except ScaleguardError as error:
        sys.exit(f"error: {error}")
    print("ended", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
