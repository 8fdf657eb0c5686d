"""What somebody probably meant by a resource name that nobody serves.

A wrong name is no mistake to Kubernetes: it waits for a node that gives such a resource, forever.
"""

import difflib
import re
from collections.abc import Iterator
from functools import lru_cache

from webhook.core.accelerators import LONGEST_NAME, Catalogue
from webhook.core.fields import Raw
from webhook.core.pod import resource_names

# One letter more, less or another in a domain (nvida.com, amd.con), and not much else.
_ALIKE_DOMAINS = 0.85
# Names of devices are short, and many that look alike are others (gpu and pgpu, gpu and cpu).
_ALIKE_DEVICES = 0.9

# No pod asks for more resources: comparing takes half a millisecond for each.
_MOST_NAMES = 64

# Of what users write; no longer than a name may be, so that all of them are some 0.3 MB.
_REMEMBERED_NAMES = 1024


def misspelt(pod: Raw, catalogue: Catalogue) -> dict[str, str]:
    """The resources of a pod that are nearly accelerators, each with what was probably meant."""
    found = ((name, nearly(name, catalogue)) for name in resource_names(pod)[:_MOST_NAMES])
    return {name: meant for name, meant in found if meant is not None}


def nearly(name: str, catalogue: Catalogue) -> str | None:
    """Return the accelerator whose name is nearly `name`; None for accelerators and all else."""
    return _nearly(name, catalogue) if len(name) <= LONGEST_NAME else None


@lru_cache(_REMEMBERED_NAMES)
def _nearly(name: str, catalogue: Catalogue) -> str | None:
    if catalogue.resource(name) is not None:
        return None
    domain, _, device = name.rpartition("/")
    if not domain:
        return next((known for known in _names(catalogue) if _is_bare(name, known)), None)
    meant = [known for known in _domains(catalogue) if _is_domain(domain.lower(), known)]
    meant.sort(key=lambda known: -_alike(domain.lower(), known))
    spellings = (device, device.lower(), device.capitalize())
    listed = [f"{known}/{spelling}" for known in meant for spelling in spellings]
    found = next((each for each in listed if catalogue.resource(each) is not None), None)
    if found is not None:
        return found
    for known in _names(catalogue):
        its_domain, _, its_device = known.rpartition("/")
        if its_domain in meant and _is_device(device, its_device):
            return known
    return None


def _names(catalogue: Catalogue) -> Iterator[str]:
    return (written for written in catalogue.written if "*" not in written)


def _domains(catalogue: Catalogue) -> list[str]:
    found = dict.fromkeys(written.rpartition("/")[0] for written in catalogue.written)
    return [domain for domain in found if "*" not in domain]


def _is_bare(name: str, known: str) -> bool:
    """Whether a name without a domain is the device's (`gpu`), or the whole (`nvidia.com.gpu`)."""
    return _plain(name) in {_plain(known), _plain(known.rpartition("/")[2])}


def _is_domain(domain: str, known: str) -> bool:
    """Whether a domain is a known one, that of a part of it, without its end, or mistyped."""
    return (
        domain.endswith(f".{known}")
        or domain == known.rpartition(".")[0]
        or _alike(domain, known) >= _ALIKE_DOMAINS
    )


def _is_device(device: str, known: str) -> bool:
    one, other = _plain(device), _plain(known)
    return sorted(one) == sorted(other) or _alike(one, other) >= _ALIKE_DEVICES


def _plain(name: str) -> str:
    """Leave case, punctuation and the plural out of a name."""
    return re.sub(r"[^a-z0-9]", "", name.lower()).removesuffix("s")


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
