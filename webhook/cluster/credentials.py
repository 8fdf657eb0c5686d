"""Where the API server is and who we are to it, found as kubectl finds it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubernetes.client.configuration import Configuration
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config
from kubernetes.config.incluster_config import SERVICE_HOST_ENV_NAME, SERVICE_TOKEN_FILENAME

from webhook.errors import ScaleguardError

DEFAULT_KUBECONFIG = "~/.kube/config"

# Five watches, the lists and lookups of the requests in flight: connections that are kept. More
# than these are opened where they are needed, and closed after use.
KEPT_CONNECTIONS = 32

NAMESPACE_FILE = Path(SERVICE_TOKEN_FILENAME).with_name("namespace")

_NAMESPACE_FIX = "name one with --lease-namespace, the same for all replicas"

_FIX = "name one with --kubeconfig or KUBECONFIG, and its context with --context"


def loader(kubeconfig: Path | None, context: str | None) -> Callable[[], Configuration]:
    """Choose between the service account of this pod and a kubeconfig.

    What is returned loads the credentials, and can do so again when they are refused; it raises
    `ScaleguardError` with what to do where there are none.
    """
    if _is_own_pod(kubeconfig, context):
        return _of_pod
    named = os.environ.get("KUBECONFIG")
    files = str(kubeconfig) if kubeconfig is not None else named or DEFAULT_KUBECONFIG
    return lambda: _of_kubeconfig(files, context)


def own_namespace(kubeconfig: Path | None, context: str | None) -> str | None:
    """Return the namespace of this pod; None where the cluster is found by a kubeconfig.

    Raises `ScaleguardError` where the pod does not know it.
    """
    if not _is_own_pod(kubeconfig, context):
        return None
    try:
        found = NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ScaleguardError(f"{NAMESPACE_FILE}: {error}; {_NAMESPACE_FIX}") from error
    if not found:
        raise ScaleguardError(f"{NAMESPACE_FILE} is empty; {_NAMESPACE_FIX}")
    return found


def _is_own_pod(kubeconfig: Path | None, context: str | None) -> bool:
    named = os.environ.get("KUBECONFIG")
    return kubeconfig is None and context is None and not named and _in_pod()


def _in_pod() -> bool:
    return bool(os.environ.get(SERVICE_HOST_ENV_NAME)) and Path(SERVICE_TOKEN_FILENAME).is_file()


def _of_pod() -> Configuration:
    configuration = _fresh()
    try:
        load_incluster_config(configuration)
    except (ConfigException, OSError) as error:
        raise ScaleguardError(
            f"the service account of this pod cannot be used: {error}; "
            "the pod needs automountServiceAccountToken: true"
        ) from error
    return configuration


def _of_kubeconfig(files: str, context: str | None) -> Configuration:
    # As kubectl: of several files those that are missing are left out, but not all of them.
    paths = [Path(name).expanduser() for name in files.split(os.pathsep) if name]
    if not any(path.is_file() for path in paths):
        raise ScaleguardError(f"there is no kubeconfig at {files}: {_FIX}")
    configuration = _fresh()
    load: Callable[..., Any] = load_kube_config
    try:
        load(files, context=context, client_configuration=configuration)
    except ConfigException as error:
        where = f"kubeconfig {files}" + (f", context {context}" if context is not None else "")
        raise ScaleguardError(f"{where}: {error}; {_FIX}") from error
    except Exception as error:
        # The client looks into the file as if it were well-formed: whatever breaks it is there.
        what = f"{type(error).__name__}: {error}"
        raise ScaleguardError(f"kubeconfig {files} cannot be read: {what}; {_FIX}") from error
    return configuration


def _fresh() -> Configuration:
    configuration = Configuration()
    configuration.retries = False  # urllib3 repeats nothing: what we repeat has a deadline
    configuration.keep_alive = True  # TCP finds a dead peer even where nothing is being read
    configuration.connection_pool_maxsize = KEPT_CONNECTIONS
    return configuration
