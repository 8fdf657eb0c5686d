"""An OPA server as the engine, through opa-python-client."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import requests
from opa_client.errors import DeletePolicyError, RegoParseError
from opa_client.opa import OpaClient

from webhook.core.frozen import frozen
from webhook.core.verdict import CannotJudge, Verdict
from webhook.errors import PolicyError, UnavailableError
from webhook.policy.answer import read_findings
from webhook.policy.catalogue import catalogue
from webhook.policy.kinds import Pushing
from webhook.policy.source import Module

# An admission request has 3 seconds in all; the engine gets a third of them.
DEFAULT_TIMEOUT_SECONDS = 1.0
DEFAULT_PORT = 8181

_FOLDER = "scaleguard/"

# The package that is asked. Without it the server knows no answer, so it comes behind all others.
_ENTRANCE = "scaleguard"


@frozen
class OpaServer:
    """Where an OPA server is."""

    url: str
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    token: str | None = None
    push: bool = True
    """Whether scaleguard puts its rules there; otherwise they come by a bundle."""


class Opa(Pushing):
    """Asks an OPA server; may be called from any thread."""

    def __init__(self, server: OpaServer, modules: Sequence[Module]) -> None:
        """Put the rules on the server; raises `PolicyError` when it refuses or is not there."""
        self._server = server
        self._rules = catalogue(modules)
        self._local = threading.local()
        self._restoring = threading.Lock()
        self._modules = tuple(modules)
        self.put_rules()

    def __call__(self, document: dict[str, Any]) -> list[Verdict]:
        """Judge a document; raises `CannotJudge` when the server gives no answer.

        OPA answers an undefined decision with `{}` and status 200: that is no "allowed".
        """
        answer = self._ask(document)
        if "result" not in answer and self._server.push:
            answer = self._restored(document)
        if "result" not in answer:
            raise CannotJudge(f"OPA at {self._server.url} does not know scaleguard's rules")
        return read_findings(answer["result"], document, self._rules)

    def _ask(self, document: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._client().query_rule(document, _ENTRANCE, "findings")
        except (requests.RequestException, ValueError) as error:
            raise CannotJudge(f"OPA at {self._server.url} gave no answer: {error}") from error
        return answer

    def _restored(self, document: dict[str, Any]) -> dict[str, Any]:
        """Ask a server that was started anew, and has lost its rules: it gets them once more.

        By one thread; the others wait as long as for an answer.
        """
        if not self._restoring.acquire(timeout=self._server.timeout_seconds):
            raise CannotJudge(f"OPA at {self._server.url} is being given its rules")
        try:
            answer = self._ask(document)
            if "result" not in answer:  # nobody was quicker
                self.put_rules()
                answer = self._ask(document)
        except PolicyError as error:
            raise CannotJudge(str(error)) from error
        finally:
            self._restoring.release()
        return answer

    def put_rules(self) -> None:
        """Put the rules on the server, where they are ours to put there, and no others.

        Raises `PolicyError`; the server may then have a part of them.
        """
        if self._server.push:
            self._put_all()
            self._remove_others()

    def _put_all(self) -> None:
        """Put modules, what is asked last: a server that has not got all of them judges nothing."""
        self._put_each([module for module in self._modules if module.package != _ENTRANCE])
        self._put_each([module for module in self._modules if module.package == _ENTRANCE])

    def _put_each(self, waiting: list[Module]) -> None:
        """Put modules one by one; OPA refuses one that uses another before that one is there."""
        while waiting:
            refused = [
                (module, why) for module in waiting if (why := self._put(module)) is not None
            ]
            # A file that was renamed is in its own way: what it says is there under the old name.
            if len(refused) == len(waiting) and not self._remove_others():
                raise PolicyError(
                    "\n".join(f"{module.path}: OPA refuses it: {why}" for module, why in refused)
                ) from refused[0][1]
            waiting = [module for module, _ in refused]

    def _remove_others(self) -> bool:
        """Remove earlier rules that are gone; say whether there were any.

        What they find would have no METADATA any more, and could not be judged.
        """
        ours = {unquote(_id(module)) for module in self._modules}
        try:
            held = self._client().get_policies_list()
            gone = [each for each in held if each.startswith(_FOLDER) and each not in ours]
            for policy in gone:
                # Where several processes reload, another one may have been quicker.
                with suppress(DeletePolicyError):
                    self._client().delete_policy(quote(policy))
        except (requests.RequestException, ValueError) as error:
            raise UnavailableError(
                f"OPA at {self._server.url} cannot be cleared of rules that are gone: {error}"
            ) from error
        return bool(gone)

    def _put(self, module: Module) -> RegoParseError | None:
        try:
            self._client().update_policy_from_string(module.text, _id(module), rego_compat=False)
        except RegoParseError as refused:
            return refused
        except requests.RequestException as error:
            raise UnavailableError(
                f"OPA at {self._server.url} cannot be reached: {error}"
            ) from error
        return None

    def _client(self) -> OpaClient:
        """One client per thread: its HTTP session is not made for several."""
        client: OpaClient | None = getattr(self._local, "client", None)
        if client is None:
            parts = urlsplit(self._server.url)
            client = OpaClient(
                host=parts.hostname or "localhost",
                port=parts.port or DEFAULT_PORT,
                ssl=parts.scheme == "https",
                token=self._server.token,
                timeout=self._server.timeout_seconds,
                retries=0,
            )
            session: requests.Session = client._session  # noqa: SLF001 - there is no option
            session.hooks["response"] = [_stay]
            self._local.client = client
        return client


def _stay(response: requests.Response, **_: object) -> None:
    """Follow no redirect to another server; OPA redirects to paths of its own.

    Who answers in its place gets documents and token sent nowhere.
    """
    target = urlsplit(urljoin(response.url, response.headers.get("Location", "")))
    if response.is_redirect and target[:2] != urlsplit(response.url)[:2]:
        raise requests.TooManyRedirects("it sends us to another server")


def _id(module: Module) -> str:
    """Name a module on the server: two folders of a user may have files of the same name."""
    name = module.name if module.built_in else module.path.absolute().as_posix().lstrip("/")
    return quote(f"{_FOLDER}{'built-in' if module.built_in else 'custom'}/{name}")
