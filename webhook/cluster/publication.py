"""Whether the API server can ask this process: it trusts what is served, and asks where it answers.

Looked at by each replica for itself, and said by /readyz: one whose mounted certificate is too old
to be trusted leaves the Service instead of failing reviews.
"""

import logging
import threading
from collections.abc import Callable
from functools import cache

from webhook.cluster.configurations import Published, published, read
from webhook.cluster.errors import ApiError
from webhook.cluster.kept_secret import Api
from webhook.core.fields import Raw

LOOK_SECONDS = 10.0

WhyRefused = Callable[[bytes, str], str | None]

_log = logging.getLogger("scaleguard.certificates")


class Publication:
    """Reads our webhook configurations now and then, in a thread of its own."""

    def __init__(
        self,
        api: Api,
        names: tuple[str, ...],
        why_refused: WhyRefused,
        answers_at: Callable[[str], bool],
        gaps: Callable[[list[Raw]], list[str]] = lambda _: [],
    ) -> None:
        """`why_refused` says why who trusts a bundle and asks for a host refuses what is served.

        `answers_at` says whether reviews are answered under a segment, `gaps` how the webhook comes
        to depend on itself.
        """
        self._api, self._names = api, names
        self._why_refused, self._answers_at, self._gaps = why_refused, answers_at, gaps
        self._remarks: list[str] = []
        self._known: tuple[Published, ...] = ()
        self._trouble = ""

    def start(self) -> "Publication":
        """Look from now on, for as long as the process lives."""
        wait = threading.Event().wait
        threading.Thread(target=self.run, args=(wait,), name="publication", daemon=True).start()
        return self

    def run(self, wait: Callable[[float], bool]) -> None:
        """Look every `LOOK_SECONDS`, until `wait` says to stop."""
        self.look()
        while not wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Look once. What cannot be read does not change what is known."""
        try:
            found = read(self._api, self._names)
        except ApiError as error:
            if str(error) != self._trouble:
                _log.warning("webhook configurations cannot be read: %s", error)
            self._trouble = str(error)
        except Exception as error:  # noqa: BLE001 - the thread has to live
            _log.exception("a fault of the webhook's own")
            self._trouble = repr(error)
        else:
            self._known, self._trouble = tuple(published(found)), ""
            self._look_for_gaps([raw for _, raw in found])

    def _look_for_gaps(self, raws: list[Raw]) -> None:
        gaps = self._gaps(raws)
        for one in gaps:
            if one not in self._remarks:
                _log.error("%s; `helm upgrade` puts the chart's selectors back", one)
        self._remarks = gaps

    def remarks(self) -> list[str]:
        """Say what is worth knowing though reviews are answered.

        What makes the webhook depend on itself, and webhooks that cannot be asked while others can.
        """
        return [*self._remarks, *_each_once(self._faults())]

    def problems(self) -> list[str]:
        """Say why the API server cannot ask here at all, each in a sentence.

        Where one webhook can be asked, as beside one that `helm upgrade` has added and nobody has
        told yet, it is not the replica that is wrong: all would leave, and nobody would answer.
        """
        faults = self._faults()
        return [] if None in faults else _each_once(faults)

    def _faults(self) -> list[str | None]:
        """What is wrong with each webhook; None where it can be asked here."""
        # Unread at first: what is not known yet is no reason to stay away. Of one that is asked by
        # a URL somebody else sees to that.
        why_refused = cache(self._why_refused)  # most webhooks trust the same authorities
        return [self._fault(one, why_refused) for one in self._known if one.host]

    def _fault(self, one: Published, why_refused: WhyRefused) -> str | None:
        if not one.bundle:
            return f"{one.configuration} has no caBundle yet: the controller puts it there"
        why = why_refused(one.bundle, one.host)
        if why is not None:
            return f"the caBundle of {one.configuration} does not fit what is served: {why}"
        if not self._answers_at(one.segment):
            return f"{one.configuration} asks at another path than the mounted ones"
        return None


def _each_once(faults: list[str | None]) -> list[str]:
    return list(dict.fromkeys(fault for fault in faults if fault is not None))
