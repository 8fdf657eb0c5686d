"""The examples of the documentation are run.

A fenced block is tested as the comments right above it say:

    file: NAME     written into the page's own folder under that name
    config         a configuration that loads, for the rules that there are
    gives: ACTION  manifests in which the rule of the page finds something with that action; with
                   `nothing` no rule finds anything; `with NAME` adds a configuration; several
                   actions, with commas, are those of several objects
    run            commands with their output, in a folder with the files and `examples/`
    json: COMMAND  the JSON that a command prints; `at KEY KEY…` takes a part of it
    answer: FILE   what the webhook answers to an AdmissionReview

Commands in other blocks are not run: their options, variables and targets must exist.
"""

import json
import shlex
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.unit.docs.pages import DOCS, PAGES, ROOT, Block, blocks, every_block, scaleguard
from webhook import config as configuration
from webhook.cli.review import DENIED
from webhook.demo.client import Client
from webhook.demo.server import webhook
from webhook.wiring import build_judge

NAMES = [path.relative_to(DOCS).as_posix() for path in PAGES]

_DIRECTIVES = {"file", "config", "gives", "run", "json", "answer"}
_LANGUAGES = {"console", "json", "rego", "sh", "text", "yaml"}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_example_of_a_page_is_so(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("examples").symlink_to(ROOT / "examples")
    for block in blocks(page):
        assert block.language in _LANGUAGES, block.place
        assert {name for name, _ in block.directives} <= _DIRECTIVES, block.place
        for name in block.get("file"):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(block.text, "utf-8")
    for block in blocks(page):
        check_block(block, monkeypatch)
    if answers := [block for block in blocks(page) if block.get("answer")]:
        check_answers(answers)


def check_block(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in block.get("config"):
        config = configuration.parse(yaml.safe_load(block.text), block.place)
        build_judge(replace(config, opa=None))  # the server of an example is not there
    for argument in block.get("gives"):
        check_findings(block, argument)
    for _ in block.get("run"):
        assert played(block, monkeypatch) == block.text, block.place
    for command in block.get("json"):
        check_json(block, command)


def check_findings(block: Block, argument: str) -> None:
    wanted, _, config = argument.partition(" with ")
    options = ["--config", config] if config else []
    status, printed = scaleguard("review", "-", "-o", "json", *options, stdin=block.text)
    judged = json.loads(printed)
    assert not judged["skipped"], f"{block.place}: {judged['skipped']}"
    assert judged["results"], f"{block.place}: no objects"
    found = [finding for result in judged["results"] for finding in result["findings"]]
    if wanted == "nothing":
        assert not found, f"{block.place}: {found}"
        return
    actions = {finding["action"] for finding in found if finding["rule"] == block.page.stem}
    assert actions == set(wanted.split(", ")), f"{block.place}: {found}"
    assert status == (DENIED if "deny" in actions else 0), block.place


def played(block: Block, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the commands of a console block; the block as it should be."""
    lines, status = [], 0
    for line in block.text.splitlines():
        if not line.startswith("$ "):
            continue
        lines.append(line)
        if line == "$ echo $?":
            lines.append(str(status))
            continue
        with monkeypatch.context() as patched:
            words = shlex.split(line[2:])
            while "=" in words[0]:
                patched.setenv(*words.pop(0).split("=", 1))
            assert words[0] == "scaleguard", f"{block.place}: cannot run {line}"
            status, printed = scaleguard(*words[1:])
        lines += [each.rstrip() for each in printed.splitlines()]
    return "".join(f"{line}\n" for line in lines)


def check_json(block: Block, argument: str) -> None:
    command, _, path = argument.partition(" at ")
    words = shlex.split(command)
    assert words[0] == "scaleguard", block.place
    value = json.loads(scaleguard(*words[1:], errors=False)[1])
    for step in path.split():
        value = value[int(step)] if isinstance(value, list) else value[step]
    assert json.loads(block.text) == value, f"{block.place}:\n{json.dumps(value, indent=1)}"


def check_answers(answers: list[Block]) -> None:
    """Ask the real server, whose cluster is `examples/`, what the page says it was asked."""
    with (
        webhook(Path("examples"), Path("certificates")) as port,
        closing(Client(port, Path("certificates", "ca.crt"))) as client,
    ):
        for block in answers:
            review = json.loads(Path(*block.get("answer")).read_text("utf-8"))
            path = "/mutate" if review["request"]["kind"]["kind"] == "Pod" else "/validate"
            answer = client.send(path, review)
            assert json.loads(block.text)["response"] == answer.response, (
                f"{block.place}:\n{json.dumps(answer.response, indent=1)}"
            )


def test_nothing_that_looks_like_output_goes_untested() -> None:
    for block in every_block():
        if block.page.name == "README.md" and block.page.parent == ROOT:
            continue
        if block.language == "console" and not block.get("run"):
            said = [line for line in block.text.splitlines() if not line.startswith("$ ")]
            assert not said, f"{block.place}: output of commands that are not run: {said}"
        if block.language in {"json", "rego", "yaml"}:
            assert block.directives, f"{block.place}: say by a comment how this is tested"


def test_the_denial_in_the_readme_is_the_one_that_users_get() -> None:
    judged = json.loads(scaleguard("review", str(ROOT / "examples/conflict.yaml"), "-o", "json")[1])
    finding = next(found for result in judged["results"] for found in result["findings"])
    sentence = f"[{finding['rule']}] {finding['message']}; fix: {finding['remedy']}; decision "
    assert sentence in " ".join((ROOT / "README.md").read_text("utf-8").split())
