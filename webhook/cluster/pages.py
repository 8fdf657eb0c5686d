"""A list of the API server, page by page."""

import logging
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from webhook.cluster.errors import ApiError
from webhook.core.fields import mapping, sequence, text
from webhook.core.frozen import frozen

Raw = dict[str, Any]
Record = TypeVar("Record")

Get = Callable[[str, float, Mapping[str, str]], Raw]

PAGE_OBJECTS = 500

# A list whose continue token expires (after 5 minutes) is begun anew this often.
_MOST_RESTARTS = 3

_log = logging.getLogger("scaleguard.cluster")


@frozen
class Listing(Generic[Record]):
    """What a list found, and the moment of the cluster at which it is true."""

    items: list[Record]
    resource_version: str


@frozen
class Pages(Generic[Record]):
    """A list to be read."""

    path: str
    read: Callable[[Raw], Record]
    page_seconds: float
    until: float = float("inf")
    """The moment of `time.monotonic` at which all pages have to be there."""
    on_page: Callable[[int], None] = lambda _count: None
    labels: str = ""
    """Only those that carry them: a label selector; empty: all."""
    at_once: int = PAGE_OBJECTS
    """Objects of a page: fewer of what is large, since a page is in memory as a whole."""

    def all(self, get: Get) -> Listing[Record]:
        """Read all pages; raises `ApiError`."""
        for _ in range(_MOST_RESTARTS):
            try:
                return self._once(get)
            except ApiError as error:
                if not error.is_gone:
                    raise
                _log.info("%s: the list took too long and is begun anew", self.path)
        raise ApiError(HTTPStatus.GONE, "Expired", "the list never came to its end")

    def _once(self, get: Get) -> Listing[Record]:
        items: list[Record] = []
        query = {"limit": str(self.at_once)}
        if self.labels:
            query["labelSelector"] = self.labels
        while True:
            page = get(self.path, min(self.page_seconds, self.until - time.monotonic()), query)
            items += [self.read(member) for member in members(page)]
            self.on_page(len(items))
            metadata = mapping(page, "metadata")
            more = text(metadata, "continue")
            if not more:
                return Listing(items, text(metadata, "resourceVersion"))
            query["continue"] = more


def members(page: Raw) -> list[Raw]:
    """Return the objects of a list, each with the apiVersion and kind that built-in lists omit."""
    kind = text(page, "kind").removesuffix("List")
    of_list = {"apiVersion": page.get("apiVersion"), "kind": kind}
    return [of_list | item for item in sequence(page, "items") if isinstance(item, dict)]
