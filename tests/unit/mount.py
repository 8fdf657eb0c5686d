"""Files that change as those of a ConfigMap do."""

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Mount:
    """A folder as Kubernetes mounts a ConfigMap: all its files change in one step."""

    folder: Path
    versions: int = 0

    def write(self, **files: str) -> None:
        self.versions += 1
        version = self.folder / f"..version-{self.versions}"
        version.mkdir(parents=True)
        named = {name.replace("_", ".", 1): text for name, text in files.items()}
        for name, text in named.items():
            (version / name).write_text(text, encoding="utf-8")
        swapped = self.folder / "..data_tmp"
        swapped.symlink_to(version.name)
        swapped.replace(self.folder / "..data")
        links = {path.name for path in self.folder.iterdir() if not path.name.startswith("..")}
        for name in named.keys() - links:
            (self.folder / name).symlink_to(f"..data/{name}")
        for name in links - named.keys():
            (self.folder / name).unlink()
