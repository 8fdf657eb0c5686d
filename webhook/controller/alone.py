"""A controller that makes no VPAs and follows nothing: it stands for election, for who needs it."""

import logging
import threading

from webhook.cluster.api import Api
from webhook.controller.election import Candidacy, Election

_log = logging.getLogger("scaleguard.controller")


class Alone:
    """Runs until it is told to stop."""

    def __init__(self, api: Api, candidacy: Candidacy) -> None:
        self._election = Election(api, candidacy, lambda: None)
        self._stop = threading.Event()

    def run(self) -> None:
        """Run until `stop`; then let the Lease go, so that another replica goes on at once."""
        _log.info("certificates alone are kept: no VPAs are made")
        self._election.start()
        self._stop.wait()
        self._election.stop()

    def stop(self) -> None:
        """Have `run` come to its end."""
        self._stop.set()

    @property
    def is_leader(self) -> bool:
        """Whether this replica is the one that writes."""
        return self._election.is_leader

    def not_ready(self) -> list[str]:
        """Say what keeps this replica from working, or from taking over."""
        problem = self._election.problem
        return [f"Lease: {problem}"] if problem else []
