"""The first stage of the Dockerfile, run as it stands there; what it made, started as in the image.

No container engine is needed. What only one could show is written in docs/decisions/0013-image.md.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import jsonschema
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from referencing import Registry, Resource

from tests.dockerfile import ROOT, Built, Project, stages, values

pytestmark = pytest.mark.slow

PROJECT = Project()
BUILD, RUN = stages(PROJECT.dockerfile)[1]

# What python:3.13-slim-trixie brings: glibc, what apt is made of, and what Python's own zlib needs.
SLIM = {
    *("libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "libresolv.so.2", "librt.so.1"),
    *("libgcc_s.so.1", "libstdc++.so.6", "libz.so.1"),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    made = Built(PROJECT, tmp_path_factory.mktemp("image"))
    made.run(BUILD)
    return made


@pytest.fixture(scope="module")
def place(built: Built) -> Path:
    return built.folder / "opt" / "scaleguard"


@pytest.fixture(scope="module")
def packages(place: Path) -> Path:
    (found,) = place.glob("lib/python3.*/site-packages")
    return found


def started(built: Built, *words: str) -> subprocess.CompletedProcess[str]:
    """The last stage's program with its environment and no other."""
    environment = {name: built.inside(value) for name, value in values(RUN, "ENV").items()}
    (entry,) = (one.list for one in RUN if one.word == "ENTRYPOINT")
    program = shutil.which(entry[0], path=environment["PATH"])
    assert program is not None
    return subprocess.run(
        [program, *entry[1:], *words],
        cwd=built.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def locked() -> dict[str, str]:
    """What the lock wants on this machine."""
    text = (ROOT / "requirements" / "runtime.txt").read_text("utf-8")
    lines = re.findall(r"^([a-z0-9].*?)\s*\\$", text, re.MULTILINE)
    wanted = [Requirement(line) for line in lines]
    return {
        canonicalize_name(one.name): str(one.specifier).removeprefix("==")
        for one in wanted
        if one.marker is None or one.marker.evaluate()
    }


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_what_is_installed_is_the_lock_and_scaleguard(place: Path, packages: Path) -> None:
    script = (
        "import importlib.metadata as all, json;"
        "print(json.dumps([[one.name, one.version] for one in all.distributions()]))"
    )
    listed = [str(place / "bin" / "python3"), "-I", "-c", script]
    said = json.loads(subprocess.run(listed, check=True, capture_output=True).stdout)
    found = [(canonicalize_name(name), version) for name, version in said]
    assert sorted(found) == sorted([*locked().items(), ("scaleguard", "0.1.0")])
    assert not (packages / "pip").exists()


def test_every_file_of_the_source_is_inside(packages: Path) -> None:
    places = {"webhook": "webhook", "certs": "certs", "policies": "webhook/_policies"}
    for source, target in places.items():
        files = PROJECT.copied(source)
        assert files
        for file in files:
            if source == "policies" and not file.endswith((".rego", ".json", ".yaml")):
                continue
            inside = packages / target / file.removeprefix(f"{source}/")
            assert inside.read_bytes() == (ROOT / file).read_bytes(), file
    for known in ("config.schema.json", "audit/page/index.html", "audit/page/main.js"):
        assert (packages / "webhook" / known).is_file()
    assert list((packages / "webhook" / "_policies").rglob("*.rego"))


def test_the_same_sources_make_the_same_wheel(built: Built, tmp_path: Path) -> None:
    """In another folder, from files of another time."""
    (made,) = (built.folder / "src" / "dist").glob("*.whl")
    (tmp_path / "opt").symlink_to(built.folder / "opt")
    again = Built(PROJECT, tmp_path)
    again.run([one for one in BUILD if one.word != "RUN"])
    for file in (tmp_path / "src").rglob("*"):
        os.utime(file, (2_000_000_000, 2_000_000_000))
    again.run([one for one in BUILD if "pip wheel" in one.text])
    wheel = tmp_path / "src" / "dist" / made.name
    assert wheel.stat().st_ino != made.stat().st_ino
    assert wheel.read_bytes() == made.read_bytes()


def test_it_is_compiled_by_hash_alone(packages: Path) -> None:
    """PEP 552: flags of 1 in a .pyc say that it goes by a hash, and that nobody compares it."""
    compiled = {file.name.partition(".")[0] for file in packages.glob("webhook/__pycache__/*.pyc")}
    assert compiled == {file.stem for file in packages.glob("webhook/*.py")}
    for file in packages.rglob("*.pyc"):
        assert file.read_bytes()[4:8] == (1).to_bytes(4, "little"), file


def test_libraries_are_there_that_slim_images_lack(built: Built, packages: Path) -> None:
    """`ldd` says what comes from outside: the slim base, or what the Dockerfile brings along."""
    ended = subprocess.run(
        ["ldd", *packages.rglob("*.so"), *packages.rglob("*.so.*")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "not found" not in ended.stdout
    found = re.findall(r"^\s*(\S+) => (\S+)", ended.stdout, re.MULTILINE)
    outside = {name for name, path in found if not Path(path).resolve().is_relative_to(packages)}
    brought = {file.name for file in (built.folder / "opt" / "system").iterdir()}
    assert {one for one in outside if not one.startswith("ld-linux")} - SLIM == brought
    (copied,) = (one for one in RUN if one.words[:1] == ["/opt/system/"])
    assert copied.words[1] == "/usr/lib/", "where the loader looks without being told"


def test_the_sbom_is_valid_and_complete(built: Built, place: Path) -> None:
    sbom = json.loads((place / "share" / "sbom" / "scaleguard.cdx.json").read_text("utf-8"))
    validator(built).validate(sbom)
    named = sbom["metadata"]["component"]
    assert (named["name"], named["version"]) == ("scaleguard", "0.1.0")
    listed = {canonicalize_name(one["name"]): one["version"] for one in sbom["components"]}
    assert listed == locked()
    assert all(one["purl"].startswith("pkg:pypi/") for one in sbom["components"])
    needed = {one["ref"]: one.get("dependsOn", []) for one in sbom["dependencies"]}
    reached, left = set(), [named["bom-ref"]]
    while left:
        reached.add(one := left.pop())
        left += [more for more in needed[one] if more not in reached]
    assert reached == {named["bom-ref"], *(one["bom-ref"] for one in sbom["components"])}
    assert str(built.folder) not in json.dumps(sbom)


def validator(built: Built) -> Any:
    """CycloneDX 1.6, from the schemas that its library ships."""
    (folder,) = built.folder.glob("opt/build/lib/python3.*/site-packages/cyclonedx/schema/_res")
    schemas = {one.name: json.loads(one.read_bytes()) for one in folder.glob("*.schema.json")}
    registry: Registry[Any] = Registry().with_resources(  # they name each other by file
        (urljoin(one["$id"], name), Resource.from_contents(one)) for name, one in schemas.items()
    )
    return jsonschema.Draft7Validator(schemas["bom-1.6.SNAPSHOT.schema.json"], registry=registry)


@pytest.fixture
def unchanged(place: Path) -> Iterator[None]:
    before = contents(place)
    yield
    assert contents(place) == before, "something is written where nothing can be"


@pytest.mark.usefixtures("unchanged")
def test_the_program_works_from_where_it_is(built: Built, tmp_path: Path) -> None:
    assert started(built, "--version").stdout == "scaleguard, version 0.1.0\n"
    assert "review" in started(built, "--help").stdout
    for command in ("webhook", "controller", "audit"):  # what the chart starts
        assert started(built, command, "--help").returncode == 0
    reviewed = started(built, "review", "-o", "json", str(ROOT / "examples" / "conflict.yaml"))
    assert reviewed.returncode == 1, reviewed.stderr
    assert "hpa-vpa-same-metric" in reviewed.stdout
    # The webhook over TLS with its workers, certificates and the embedded rules.
    shown = started(built, "demo", "--report-dir", str(tmp_path))
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "1 refused" in shown.stdout
