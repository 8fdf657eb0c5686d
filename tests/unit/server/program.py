"""A server in a process of its own: `python -m tests.unit.server.program FOLDER OPTIONS`.

OPTIONS is JSON for `ServeOptions`. Files in FOLDER steer it while it runs: `ready` makes it ready,
`slow` holds the seconds that a judgement takes, `broken` keeps workers from starting, `faulty` lets
the short way fail.
"""

import json
import logging
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask

from certs.authority import Names
from tests.unit.server.fakes import FakeService, deny_all
from webhook.core.verdict import Verdict
from webhook.errors import ScaleguardError
from webhook.server.app import create_app
from webhook.server.metrics import Metrics
from webhook.serving import tls
from webhook.serving.environment import SHORT_WAY
from webhook.serving.gunicorn import serve
from webhook.serving.options import Addresses, ServeOptions
from webhook.serving.plain import Asked
from webhook.serving.refusal import Answer
from webhook.serving.tls import ServedCertificate


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


def make_app(folder: Path, served: ServedCertificate) -> Flask:
    """Make the application of a worker."""
    app = create_app(Steered(folder), Metrics(), certificate_problems=served.problems)
    short_way = app.extensions[SHORT_WAY]

    def steered(asked: Asked, connection: object) -> Answer | None:
        if (folder / "faulty").exists():
            raise RuntimeError("it is told to fail")
        answer: Answer | None = short_way(asked, connection)
        return answer

    app.extensions[SHORT_WAY] = steered
    return app


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
            partial(make_app, folder),
            say,
        )
    except ScaleguardError as error:
        sys.exit(f"error: {error}")
    print("ended", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
