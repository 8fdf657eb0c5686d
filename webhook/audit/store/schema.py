"""Bring the tables of a store up to what this version knows."""

import logging
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from webhook.audit.store.errors import brief
from webhook.audit.store.opened import Store
from webhook.errors import ScaleguardError

_MIGRATIONS: Final = Path(__file__).with_name("migrations")

# Any number that no other program uses for its own lock in the same database.
_LOCK: Final = 0x5CA1E60A


def bring_up(store: Store) -> None:
    """Make the tables, or bring them up; several processes may begin at once.

    Raises `ScaleguardError` where there is no database, or one of a newer version.
    """
    # It would say at each start that steps in SQLite are no transactions; here they are in ours.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        with store.writing() as connection:
            if store.is_postgresql:
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise ScaleguardError(
            f"{store.name}: the store cannot be opened: {brief(error)}"
        ) from error
    except CommandError as error:
        raise ScaleguardError(
            f"{store.name}: a newer version of scaleguard has changed the store ({error}): run that"
        ) from error
