"""What a Dockerfile says, and its steps run without a container engine."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Instruction(NamedTuple):
    word: str
    flags: Mapping[str, str]
    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split()

    @property
    def list(self) -> list[str]:
        """What the exec form lists; the shell form is refused."""
        found = json.loads(self.text)
        assert isinstance(found, list)
        return found


Stage = Sequence[Instruction]


def instructions(text: str) -> Iterator[Instruction]:
    """Comments out, continued lines joined, flags apart. Not read: heredocs and other escapes."""
    lines = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = line.partition(" ")
        flags = {}
        while found := re.match(r"--([a-z]+)=(\S+)\s+", rest):
            flags[found[1]] = found[2]
            rest = rest[found.end() :]
        yield Instruction(word, flags, rest.strip())


def stages(text: str) -> tuple[Stage, list[Stage]]:
    """What stands before the first FROM, and each stage from its FROM on."""
    before: list[Instruction] = []
    found: list[list[Instruction]] = []
    for one in instructions(text):
        if one.word == "FROM":
            found.append([])
        (found[-1] if found else before).append(one)
    return before, list(found)


def values(stage: Stage, *words: str) -> dict[str, str]:
    """What ENV, ARG (their defaults) or LABEL set, variables put in."""
    found: dict[str, str] = {}
    known: dict[str, str] = {}
    for one in stage:
        if one.word in {"ARG", "ENV", "LABEL"}:
            for name, quoted, bare in re.findall(r'([\w.]+)=(?:"([^"]*)"|(\S+))', one.text):
                value = re.sub(r"\$\{(\w+)\}", lambda match: known[match[1]], quoted or bare)
                if one.word != "LABEL":
                    known[name] = value
                if one.word in words:
                    found[name] = value
    return found


class Ignored:
    """`.dockerignore`: the last pattern that a path or a folder above it matches has its way."""

    def __init__(self, text: str) -> None:
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        self._patterns = [(not line.startswith("!"), _pattern(line.lstrip("!"))) for line in lines]

    def __contains__(self, path: str) -> bool:
        parts = path.split("/")
        above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        ignored = False
        for ignores, pattern in self._patterns:
            if any(pattern.fullmatch(one) for one in above):
                ignored = ignores
        return ignored


def _pattern(text: str) -> re.Pattern[str]:
    parts = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    split = re.split(r"(\*\*/|\*|\?|\[[^\]]+\])", text)
    return re.compile(
        "".join(parts.get(p, p if p.startswith("[") else re.escape(p)) for p in split)
    )


@dataclass(frozen=True)
class Project:
    """The project as a builder gets it."""

    root: Path = ROOT

    @cached_property
    def dockerfile(self) -> str:
        return (self.root / "Dockerfile").read_text("utf-8")

    @cached_property
    def context(self) -> list[str]:
        """Files of the repository, new ones among them, that are not ignored."""
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        found = subprocess.run(listed, cwd=self.root, check=True, capture_output=True, text=True)
        ignored = Ignored((self.root / ".dockerignore").read_text("utf-8"))
        return sorted(one for one in found.stdout.split("\0") if one and one not in ignored)

    def copied(self, source: str) -> list[str]:
        """Files of the context that a COPY of this source takes."""
        return [one for one in self.context if one == source or one.startswith(f"{source}/")]


class Built:
    """Runs the steps of a stage in a folder that stands for `/`, in an environment of its own."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project, self.folder = project, folder
        self.at = folder
        python = Path(sys.base_prefix, "bin")
        self.environment = {"PATH": f"{python}:/usr/bin:/bin", "HOME": str(folder / "root")}

    def inside(self, text: str) -> str:
        """The text with the folders that the Dockerfile makes (/src, /opt) below ours."""
        return re.sub(r"(?<![\w.*])/(?=(src|opt)\b)", f"{self.folder}/", text)

    def run(self, stage: Stage) -> None:
        for one in stage:
            match one.word:
                case "WORKDIR":
                    self.at = Path(self.inside(one.text))
                    self.at.mkdir(parents=True, exist_ok=True)
                case "ENV" | "ARG":
                    self.environment |= values([one], one.word)
                case "COPY":
                    self._copy(*one.words)
                case "RUN":
                    self.shell(one.text)
                case word:
                    assert word == "FROM", f"{word} is not known here"

    def shell(self, command: str) -> None:
        subprocess.run(
            ["/bin/sh", "-ec", self.inside(command)],
            cwd=self.at,
            env=self.environment,
            check=True,
            stdin=subprocess.DEVNULL,
        )

    def _copy(self, *words: str) -> None:
        *sources, target = words
        for source in sources:
            files = self.project.copied(source)
            assert files, f"COPY {source}: not in the context"
            for file in files:
                # A folder is copied by what is in it, a file by its name.
                name = Path(file).name if file == source else file.removeprefix(f"{source}/")
                place = self.at / target / name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.project.root / file, place)
