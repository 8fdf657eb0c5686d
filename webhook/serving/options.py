"""What the server is told, and where it says that it serves."""

from pathlib import Path

from certs.authority import Names
from webhook.core.frozen import frozen
from webhook.errors import ScaleguardError

_LAST_PORT = 65535


@frozen
class Addresses:
    """Where is served, with the ports that were chosen."""

    url: str
    metrics_url: str | None


@frozen
class ServeOptions:
    """What the server is told; addresses are HOST:PORT, port 0 takes any that is free."""

    bind: str
    certificate_folder: Path
    names: Names
    metrics_bind: str | None = None
    workers: int = 1
    threads: int = 8
    mounted: bool = False
    """Whether somebody else fills the folder of the certificate: then nothing is made there."""
    client_authorities: Path | None = None
    """Those that sign the certificates of who may ask; None: nobody is asked for one."""
    drain_seconds: float = 0.0
    """How long requests are still accepted after SIGTERM, while the endpoints of the Service are
    told: seconds in a cluster, none where nobody routes here."""


def split_address(bind: str) -> tuple[str, int]:
    """Split HOST:PORT, with an IPv6 host in brackets; raises `ScaleguardError`."""
    host, _, port = bind.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    well_written = bool(bare) and (":" in bare) == host.startswith("[") and port.isdecimal()
    if not well_written or int(port) > _LAST_PORT:
        raise ScaleguardError(f"{bind!r} is no address: write HOST:PORT, as in 127.0.0.1:8443")
    return bare, int(port)
