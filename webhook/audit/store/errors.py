"""What can become of a question to a database other than its answer."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from webhook.chance import chance

Answer = TypeVar("Answer")

# A writer that lost to another one; PostgreSQL's codes for a serialization failure and a deadlock.
_LOST_TO_ANOTHER: Final = {"40001", "40P01"}
_MOST_ATTEMPTS: Final = 6
_FIRST_PAUSE_SECONDS: Final = 0.02


class StoreUnavailableError(Exception):
    """The database does not answer, or not in time: the same may succeed later."""


def lost_to_another(error: DBAPIError) -> bool:
    """Whether another writer was in the way, so that the whole transaction is to be done again."""
    cause = error.orig
    name = getattr(cause, "sqlite_errorname", "")
    return getattr(cause, "sqlstate", "") in _LOST_TO_ANOTHER or name.startswith("SQLITE_BUSY")


def asked(attempt: Callable[[], Answer]) -> Answer:
    """Return the answer of a whole transaction, begun anew where another writer was in the way.

    Raises `StoreUnavailableError`; faults of ours come through as they are.
    """
    pause = _FIRST_PAUSE_SECONDS
    for last in (*([False] * (_MOST_ATTEMPTS - 1)), True):
        try:
            return attempt()
        except DBAPIError as error:
            if lost_to_another(error) and not last:
                time.sleep(pause * (0.5 + chance()))
                pause *= 2
            elif lost_to_another(error) or _is_moment(error):
                raise StoreUnavailableError(brief(error)) from error
            else:
                raise
        except PoolTimeoutError as error:
            raise StoreUnavailableError("all connections to it are in use") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def brief(error: DBAPIError) -> str:
    """Say in a line what the database said, without the statement and its values."""
    return " ".join(str(error.orig).split())[:300] or type(error.orig).__name__


def _is_moment(error: DBAPIError) -> bool:
    """Whether it is the moment rather than the question that is wrong."""
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
