"""A real PostgreSQL in a temporary folder, on a Unix socket that nobody else reaches."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

_STARTS_WITHIN_SECONDS = 30
_USER = "postgres"


def programs() -> Path:
    """The folder of the newest PostgreSQL that is installed."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: float(one.parts[-3])
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise FileNotFoundError("no PostgreSQL: run scripts/install-test-packages")
    return Path(on_path).resolve().parent


class Postgres:
    """A server of its own; a context manager. Its data is as safe as a test wants: not at all."""

    def __init__(self) -> None:
        # Its user has to get there, and the path of a socket has some hundred characters at most.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    def __enter__(self) -> Self:
        if os.getuid() == 0:
            shutil.chown(self.folder, _USER)
        self._run(
            "initdb", "--auth=trust", f"--username={_USER}", "--no-sync", f"{self.folder}/data"
        )
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server on what data there is, and wait for it."""
        settings = {"listen_addresses": "", "unix_socket_directories": self.folder, "fsync": "off"}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [programs() / "postgres", "-D", self.folder / "data", *options],
                stdout=log,
                stderr=log,
                **_not_root(),
            )
        deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
        while True:
            try:
                self._admin().close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text("utf-8")) from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop the server as an administrator does who cannot wait: connections are cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_STARTS_WITHIN_SECONDS)
            self._process = None

    def database(self) -> str:
        """Make an empty database; its URL."""
        self._made += 1
        name = f"test_{self._made}"
        with self._admin() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://{_USER}@/{name}?host={self.folder}"

    def _admin(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.folder), user=_USER, dbname="postgres", autocommit=True
        )

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [programs() / name, *arguments], check=True, capture_output=True, **_not_root()
        )


def _not_root() -> dict[str, Any]:
    """Who runs PostgreSQL: it refuses root."""
    if os.getuid() != 0:
        return {"cwd": "/"}
    return {"cwd": "/", "user": _USER, "group": _USER, "extra_groups": ()}
