"""What a judge is made of: the files that people write, read and compared by their content."""

import hashlib
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

from webhook.config import Config
from webhook.config import load as load_config
from webhook.core.frozen import frozen
from webhook.errors import Faults
from webhook.policy.source import Module, load, names

_HASH_DIGITS = 12


@frozen
class Material:
    """What a judge is made of, as it was read from files."""

    config: Config
    modules: tuple[Module, ...]
    digest: str

    @property
    def hash(self) -> str:
        """What people see of the digest: the same where the same is used."""
        return self.digest[:_HASH_DIGITS]


@frozen
class Sources:
    """The files that people write: a configuration, and folders of rules."""

    config: Path | None
    policies: tuple[Path, ...] = ()

    def digest(self) -> str:
        """Digest the content as it is now; what cannot be read counts as well."""
        found = hashlib.sha256()
        for name, path in self._files():
            try:
                content = path.read_bytes()
            except OSError as error:
                content = str(error).encode()
            found.update(f"{name}\0{len(content)}\0".encode(errors="surrogateescape"))
            found.update(content)
        return found.hexdigest()

    def read(self) -> Material:
        """Read everything; raises `ScaleguardError` with the faults of all files."""
        digest, faults = self.digest(), Faults()
        config, modules = Config(), list[Module]()
        with faults.noted():
            config = load_config(self.config)
        with faults.noted():
            modules = load(self.policies)
        faults.refuse()
        return Material(config, tuple(modules), digest)

    def _files(self) -> Iterator[tuple[str, Path]]:
        if self.config is not None:
            yield "config", self.config
        for number, folder in enumerate(self.policies):
            for name in names(folder):
                yield f"{number}/{name}", folder / name


class LastGood:
    """What was applied last, for a worker process that takes the place of another.

    The files may be broken by then, and what the first process read at its start may be weeks old.
    """

    def __init__(self, folder: Path, first: Material) -> None:
        self._file = folder / "last-good"
        self._first = first

    def get(self) -> Material:
        """Return it, as any of the processes applied it."""
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return self._first
        found: Material = pickle.loads(content)  # noqa: S301 - written below, in a folder of ours
        return found

    def keep(self, material: Material) -> None:
        """Replace it in one step: another process may be reading it."""
        written = self._file.with_name(f"last-good.{os.getpid()}")
        written.write_bytes(pickle.dumps(material))
        written.replace(self._file)
