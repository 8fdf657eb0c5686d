"""A store by its URL: SQLite with WAL, or PostgreSQL."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from webhook.audit.store.errors import asked
from webhook.errors import ScaleguardError

_BUSY_SECONDS: Final = 10
_CONNECT_SECONDS: Final = 5
_STATEMENT_MILLISECONDS: Final = 30_000
_UNANSWERED_MILLISECONDS: Final = 10_000
"""After so long a server that says nothing, not even at TCP's level, counts as gone."""

_WRITES: Final = "scaleguard_writes"

_SIZE_SQLITE: Final = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
_SIZE_POSTGRESQL: Final = "SELECT pg_database_size(current_database())"


class Store:
    """Connections to a database, for many threads of one process.

    Nothing is connected until it is needed: made in each process, after the fork.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def name(self) -> str:
        """The URL, without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    @property
    def is_postgresql(self) -> bool:
        """Whether it is PostgreSQL, which several replicas may share."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of everything."""
        isolation = {"isolation_level": "REPEATABLE READ"} if self.is_postgresql else {}
        with self.engine.connect().execution_options(**isolation) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes: all of it, or nothing where it raises."""
        writer = self.engine.execution_options(**{_WRITES: True})
        with writer.begin() as connection:
            yield connection

    def check(self) -> None:
        """See whether it answers; raises `StoreUnavailableError`."""

        def ask() -> None:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1 FROM findings LIMIT 1")

        asked(ask)

    def size_bytes(self) -> int:
        """Say how much it takes; raises `StoreUnavailableError`."""

        def ask() -> int:
            with self.engine.connect() as connection:
                return int(connection.exec_driver_sql(size).scalar_one())

        size = _SIZE_POSTGRESQL if self.is_postgresql else _SIZE_SQLITE
        return asked(ask)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_store(written: str) -> Store:
    """Open the store at a URL; raises `ScaleguardError` where it is none."""
    url = _url(written)
    if url.get_backend_name() == "sqlite":
        return Store(_sqlite(url))
    try:
        return Store(_postgresql(url))
    except ModuleNotFoundError as error:
        raise ScaleguardError(
            "PostgreSQL needs psycopg: install it with pip install 'scaleguard[postgresql]'"
        ) from error


def _url(written: str) -> URL:
    try:
        url = make_url(written)
        backend = url.get_backend_name()
    except ArgumentError as error:  # its message may quote the URL, and with it a password
        raise ScaleguardError(_NO_STORE) from error
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return url
    if url.drivername in {"postgresql", "postgresql+psycopg"} and backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise ScaleguardError(_NO_STORE)


_NO_STORE: Final = (
    "this is no store: write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    " (the password may come from PGPASSWORD or PGPASSFILE)"
)


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing: `_begin` does
        for setting in (
            "journal_mode = WAL",  # who reads does not wait for who writes
            "synchronous = FULL",  # what was acknowledged survives a loss of power
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes then fails where another one wrote in between.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    arguments: dict[str, Any] = {
        "connect_timeout": _CONNECT_SECONDS,
        "tcp_user_timeout": _UNANSWERED_MILLISECONDS,
        "application_name": "scaleguard",
        "options": f"-c statement_timeout={_STATEMENT_MILLISECONDS}",
    }
    own = {name: value for name, value in arguments.items() if name not in url.query}
    return create_engine(url, connect_args=own, pool_pre_ping=True, pool_timeout=_BUSY_SECONDS)
