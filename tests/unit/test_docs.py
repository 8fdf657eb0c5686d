"""What the documentation says is so: its examples are run, its tables compared with the code.

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

import ast
import inspect
import io
import json
import logging
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from certs.authority import AUTHORITY_LIFE, LEAF_LIFE, Names, issue_leaf, make_authority
from certs.store import StoreError, ensure
from scripts import rule_document
from webhook import config as configuration
from webhook.cli.main import cli, main
from webhook.cli.review import DENIED, UNREADABLE
from webhook.core import objects
from webhook.core.classify import CLASS_KEY
from webhook.core.finding import Action
from webhook.core.kinds import WorkloadClass
from webhook.core.mutations import marks
from webhook.core.mutations.tolerations import is_tolerable
from webhook.core.profile import PROFILE_ANNOTATION, Figures, Profile
from webhook.core.quantity import cpu, memory
from webhook.core.review import BadReview, read_review
from webhook.core.verdict import Rule
from webhook.core.vpa_plan.manifest import WHYS
from webhook.core.vpa_plan.terms import VPA_ANNOTATION
from webhook.demo.client import Client
from webhook.demo.server import webhook
from webhook.manifests import Document
from webhook.manifests.reading import read_text
from webhook.policy.catalogue import catalogue
from webhook.policy.source import load
from webhook.server import refusal
from webhook.server.body import decode
from webhook.server.metrics import Metrics
from webhook.server.tls import ServedCertificate
from webhook.wiring import build_judge

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RULES = DOCS / "rules"
PAGES = sorted([*DOCS.glob("*.md"), *RULES.glob("*.md")])
NAMES = [path.relative_to(DOCS).as_posix() for path in PAGES]
NOTHING = "\N{EN DASH}"
SCHEMA: dict[str, Any] = json.loads(configuration.SCHEMA_FILE.read_text("utf-8"))

_DIRECTIVE = re.compile(r"<!-- (?P<name>[a-z]+)(?:: (?P<argument>.*?))? -->")
_DIRECTIVES = {"file", "config", "gives", "run", "json", "answer"}
_FAULTS = {
    *("BadReview", "CannotJudge", "CannotPlaceError", "CannotReadError", "UnavailableError"),
    *("ConfigError", "NotOursError", "PolicyError", "ScaleguardError", "StoreError", "UsageError"),
}
_SHORTEST = 8
_LANGUAGES = {"console", "json", "rego", "sh", "text", "yaml"}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    directives: tuple[tuple[str, str], ...]

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def get(self, name: str) -> list[str]:
        return [argument for directive, argument in self.directives if directive == name]


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    found: list[Block] = []
    directives: list[tuple[str, str]] = []
    lines = iter(enumerate(page.read_text("utf-8").splitlines(), start=1))
    for number, line in lines:
        if match := _DIRECTIVE.fullmatch(line):
            directives.append((match["name"], match["argument"] or ""))
        elif line.startswith("```"):
            body = []
            for _, inside in lines:
                if inside == "```":
                    break
                body.append(inside)
            text = "".join(f"{each}\n" for each in body)
            found.append(Block(page, number, line[3:], text, tuple(directives)))
            directives = []
        else:
            assert not directives, f"{page}:{number}: a directive without a block"
    return tuple(found)


def every_block() -> Iterator[Block]:
    for page in (ROOT / "README.md", *PAGES):
        yield from blocks(page)


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def tables(page: Path) -> list[list[list[str]]]:
    """The tables of a page: rows of cells, without the heading."""
    found: list[list[list[str]]] = [[]]
    for line in prose(page).splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif found[-1]:
            found.append([])
    return [table[2:] for table in found if table]


def rows(page: Path) -> list[list[str]]:
    return [row for table in tables(page) for row in table]


@cache
def slugs(page: Path) -> frozenset[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(heading.replace(" ", "-") for heading in plain)


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands set logging up, and read variables that whoever runs this may have set."""
    for name in [name for name in os.environ if name.startswith("SCALEGUARD_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def scaleguard(*arguments: str, stdin: str = "", errors: bool = True) -> tuple[int, str]:
    """Run the program here; its exit status and what it printed."""
    printed = io.BytesIO()
    out = io.TextIOWrapper(printed, "utf-8", write_through=True)
    dropped = io.TextIOWrapper(io.BytesIO(), "utf-8")
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin.encode()))
    status: object = 0
    try:
        with redirect_stdout(out), redirect_stderr(out if errors else dropped):
            main(list(arguments))
    except SystemExit as end:
        status = end.code
    finally:
        sys.stdin = before
    out.flush()
    return int(str(status or 0)), printed.getvalue().decode()


# ---------------------------------------------------------------- examples


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


# ---------------------------------------------------------------- commands


@cache
def targets() -> frozenset[str]:
    return frozenset(
        re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    )


def commands_of(group: click.Command) -> Iterator[click.Command]:
    yield group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from commands_of(command)


@cache
def variables() -> Mapping[str, str]:
    """The variable of each option, by the option's long name."""
    return {
        max(option.opts, key=len): str(option.envvar)
        for command in commands_of(cli)
        for option in command.params
        if isinstance(option, click.Option) and option.envvar
    }


def check_command(line: str, place: str) -> None:
    """The parts of a shell line that are ours name things that there are."""
    for words in parts(line):
        while words and re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        if not words:
            continue
        if words[0] == "make":
            made = [word for word in words[1:] if "=" not in word]
            assert set(made) <= targets(), f"{place}: {line}"
        elif Path(words[0]).name in {"scaleguard", "kubectl-scaleguard"}:
            check_arguments(words[1:], f"{place}: {line}")


def parts(line: str) -> Iterator[list[str]]:
    """The commands of a shell line, each as its words."""
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    found: list[str] = []
    for word in words:
        if set(word) <= set("|&;<>()"):
            yield found
            found = []
        else:
            found.append(word)
    yield found


def context_of(command: click.Command) -> click.Context:
    """A context as the program's own: a command remembers what its first one calls for help."""
    return click.Context(command, help_option_names=["-h", "--help"])


def check_arguments(words: list[str], place: str) -> None:
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(
            click.Context(command, help_option_names=["-h", "--help"]), words.pop(0)
        )
        assert found is not None, f"{place}: no such command"
        command = found
    known = {
        name: option for option in command.get_params(context_of(command)) for name in option.opts
    }
    for word, following in pairwise([*words, ""]):
        if word.startswith("-") and word != "-":
            name, _, value = word.partition("=")
            assert name in known, f"{place}: no such option"
            kind = known[name].type
            if isinstance(kind, click.Choice):
                assert (value or following) in kind.choices, f"{place}: no such value"


def test_commands_that_are_named_exist() -> None:
    checked = 0
    for block in every_block():
        if block.language in {"console", "sh"}:
            lines = block.text.replace("\\\n", " ").splitlines()
            mine = lines if block.language == "sh" else [line for line in lines if line[:2] == "$ "]
            for line in mine:
                check_command(line.removeprefix("$ "), block.place)
                checked += 1
    for page in (ROOT / "README.md", *PAGES):
        for code in re.findall(r"`((?:scaleguard|make) [^`]+)`", prose(page)):
            check_command(code, str(page))
            checked += 1
    assert checked > 30


@pytest.mark.parametrize(
    "line",
    [
        "scaleguard reviw .",
        "scaleguard review --nope .",
        "make nope",
        "cat x | scaleguard review - -o xml",
        "scaleguard policies lst",
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    with pytest.raises(AssertionError):
        check_command(line, "here")


def test_variables_that_are_named_exist_and_every_variable_is_documented() -> None:
    named = {
        variable
        for page in (ROOT / "README.md", *PAGES)
        for variable in re.findall(r"SCALEGUARD_[A-Z_]+", page.read_text("utf-8"))
    }
    assert named == set(variables().values())
    documented = {row[0].strip("`"): row[1].strip("`") for row in rows(DOCS / "configuration.md")}
    assert {name: documented.get(name) for name in variables()} == variables()


def test_exit_statuses_are_those_of_the_help() -> None:
    help_text = scaleguard("review", "--help")[1]
    statuses = set(re.findall(r"^ +(\d)  \S", help_text, re.MULTILINE))
    assert statuses == {"0", str(DENIED), str(UNREADABLE)}
    assert {row[0] for row in rows(DOCS / "first-day.md") if row[0].isdecimal()} == statuses


# ---------------------------------------------------------------- links


@pytest.mark.parametrize(
    "page",
    [*ROOT.glob("*.md"), *DOCS.rglob("*.md")],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", prose(page))
    for link in links:
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page}: {link}"
        assert not anchor or anchor in slugs(target), f"{page}: {link}: no such heading"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)#]+)", prose(page))
        left += [(page.parent / link).resolve() for link in links if "://" not in link]
    assert set(PAGES) <= reached


# ---------------------------------------------------------------- rules


@cache
def rules() -> Mapping[str, Rule]:
    return catalogue(load())


def test_the_table_of_rules_is_the_catalogue() -> None:
    listed = [(row[0], row[1], row[2]) for row in tables(RULES / "README.md")[0]]
    assert listed == [
        (f"[{rule.rule}]({rule.rule}.md)", rule.default.value, rule.title)
        for rule in rules().values()
    ]


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    assert {path.stem for path in RULES.glob("*.md")} - {"README"} == set(rules())


@pytest.mark.parametrize("rule", sorted(rules()))
def test_a_page_of_a_rule_shows_all_that_it_should(rule: str) -> None:
    page = RULES / f"{rule}.md"
    text = page.read_text("utf-8")
    default = rules()[rule].default
    assert text.startswith(f"# {rule}\n\nDefault: `{default.value}`. ")
    given = {argument for block in blocks(page) for argument in block.get("gives")}
    assert {default.value, "nothing", "audit"} <= given
    assert any(
        rule in (yaml.safe_load(block.text).get("rules") or {})
        for block in blocks(page)
        if block.get("config")
    ), "no configuration of the rule"
    for heading in ("why", "example", "fix", "exempt", "configure"):
        assert heading in slugs(page), f"{rule}: no heading {heading}"


def test_reasons_for_a_warning_are_those_of_the_code() -> None:
    sources = [*(ROOT / "webhook" / "core").rglob("*.py"), *(ROOT / "policies").rglob("*.rego")]
    code = "\n".join(source.read_text("utf-8") for source in sources)
    reasons = [row[0].strip("`") for row in rows(RULES / "hpa-vpa-same-metric.md")]
    assert len(reasons) > 6
    for reason in reasons:
        longest = max(reason.split("…"), key=len).strip()
        assert longest.replace("ScaledObject", "").strip() in code, reason


def test_what_rules_read_is_described_as_in_its_schema() -> None:
    written = rule_document.TARGET.read_text("utf-8")
    assert written == rule_document.page(), "run: python scripts/rule_document.py"


def test_actions_are_explained() -> None:
    explained = {row[0].strip("`") for row in tables(RULES / "README.md")[1]}
    assert explained == {action.value for action in Action}


# ---------------------------------------------------------------- configuration


def keys(schema: Mapping[str, Any], path: str = "", *, required: bool = False) -> Iterator[Any]:
    """(path, schema, is required) of every key that takes a value."""
    while "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        own = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**SCHEMA["$defs"][name], **own}
    if schema.get("type") == "array" and schema["items"].get("type") == "object":
        yield from keys(schema["items"], f"{path}[]")
    elif isinstance(schema.get("additionalProperties"), dict):
        yield f"{path}.NAME", schema["additionalProperties"], False
    elif "properties" in schema:
        needed = schema.get("required", ())
        for name, below in schema["properties"].items():
            yield from keys(below, f"{path}.{name}" if path else name, required=name in needed)
    else:
        yield path, schema, required


def figures() -> Mapping[str, Figures]:
    profile = Profile()
    named = {each.value: profile.per_device[each] for each in WorkloadClass}
    return {**named, "slice": profile.per_slice, "sidecar": profile.sidecar}


def default_of(path: str, schema: Mapping[str, Any], *, required: bool) -> str:
    """How the default of a key stands in the table."""
    if path.startswith("requests.") and not path.startswith("requests.device."):
        _, name, resource = path.split(".")
        found = figures()[name]
        return f"`{cpu(found.cpu) if resource == 'cpu' else memory(found.memory)}`"
    if "default" in schema:
        default = schema["default"]
        return f"`{default if isinstance(default, str) else json.dumps(default)}`"
    return "required" if required else NOTHING


def test_every_key_is_documented_with_its_default_and_its_values() -> None:
    page = DOCS / "configuration.md"
    documented = {row[0].strip("`"): row for row in rows(page) if not row[0].startswith("`--")}
    wanted = {path: (schema, required) for path, schema, required in keys(SCHEMA)}
    assert len(wanted) > 25
    missing = set(wanted) - set(documented)
    assert not missing, missing
    for path, (schema, required) in wanted.items():
        assert documented[path][1] == default_of(path, schema, required=required), path
        for value in schema.get("enum", ()):
            assert f"`{value}`" in documented[path][2], f"{path}: {value}"
    dotted = {name for name in documented if re.fullmatch(r"[a-zA-Z]+[.\[][\w.\[\]]*", name)}
    assert dotted <= set(wanted), "keys that do not exist"


def test_the_complete_example_has_every_key() -> None:
    page = DOCS / "configuration.md"
    example = next(block for block in blocks(page) if "scaleguard.yaml" in block.get("file"))
    assert example.get("config"), example.place
    data = yaml.safe_load(example.text)
    for path, _, _ in keys(SCHEMA):
        found = [data]
        for step in path.replace("[]", ".[]").split("."):
            found = [
                below
                for value in found
                for below in (
                    value
                    if step == "[]"
                    else value.values()
                    if step == "NAME"
                    else [value[step]]
                    if step in value
                    else []
                )
            ]
        assert found, f"{path} is not in the complete example"


def test_taints_that_are_never_tolerated_are_documented() -> None:
    table = next(
        table
        for table in tables(DOCS / "configuration.md")
        if any("node.kubernetes.io/*" in row[0] for row in table)
    )
    patterns = [code for row in table for code in re.findall(r"`([^`]+)`", row[0])]
    assert len(patterns) > 5
    for pattern in patterns:
        assert not is_tolerable(pattern.replace("*", "x")), pattern
    assert is_tolerable("nvidia.com/gpu")


# ---------------------------------------------------------------- concepts


def test_default_requests_are_those_of_the_code() -> None:
    documented = {
        row[0].strip("`"): (row[1], row[2]) for row in rows(DOCS / "concepts.md") if len(row) == 4
    }
    assert documented == {
        name: (cpu(found.cpu), memory(found.memory)) for name, found in figures().items()
    }


def test_the_table_of_container_policies_is_so() -> None:
    table = next(table for table in tables(DOCS / "concepts.md") if "containerName" in table[1][0])
    assert len(table) > 5
    for policies, said in table:
        judged = json.loads(
            scaleguard("review", "-", "-o", "json", stdin=meeting(policies.strip("`")))[1]
        )
        found = [each for result in judged["results"][1:2] for each in result["findings"]]
        conflicts = [each for each in found if each["rule"] == "hpa-vpa-same-metric"]
        names = ", ".join(conflicts[0]["containers"]) if conflicts else NOTHING
        assert names == said, policies


def meeting(policies: str) -> str:
    """A Deployment with two containers, its HPA on cpu, and a VPA with these policies."""
    target = "{apiVersion: apps/v1, kind: Deployment, name: web}"
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec: {{template: {{spec: {{containers: [{{name: app}}, {{name: istio-proxy}}]}}}}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web}}
spec: {{scaleTargetRef: {target}, maxReplicas: 9}}
---
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {{name: web}}
spec: {{targetRef: {target}, resourcePolicy: {{containerPolicies: {policies}}}}}
"""


def test_accelerators_and_kinds_are_those_of_the_catalogue() -> None:
    folder = ROOT / "webhook" / "catalogue"
    families = yaml.safe_load((folder / "accelerators.yaml").read_text("utf-8"))["families"]
    documented = {row[0]: row for row in rows(DOCS / "concepts.md") if len(row) == 3}
    for family in families:
        assert family["name"] in documented, family["name"]
        key = family.get("tolerationKey")
        assert documented[family["name"]][1] == (f"`{key}`" if key else NOTHING), family["name"]
    for kind in yaml.safe_load((folder / "workloads.yaml").read_text("utf-8"))["kinds"]:
        column = "class" if "class" in kind else "otherwise"
        if column in kind:
            where = documented[f"`{kind[column]}`"][1 if column == "class" else 2]
            assert re.search(rf"\b{kind['kind']}\b", where), kind


def test_labels_and_annotations_that_are_named_exist_and_all_are_explained() -> None:
    policies = (ROOT / "charts/scaleguard/templates").glob("validatingadmissionpolicy-*.yaml")
    guarded = {
        name
        for policy in policies
        for name in re.findall(r'"(scaleguard\.io/[a-z-]+)"', policy.read_text("utf-8"))
    }
    assert len(guarded) == 3
    known = guarded | {
        CLASS_KEY,
        PROFILE_ANNOTATION,
        objects.EXEMPT_ANNOTATION,
        objects.IGNORE_LABEL,
        marks.CLASS_LABEL,
        marks.MUTATIONS_ANNOTATION,
        objects.MANAGED_LABEL,
        objects.UNMANAGED_ANNOTATION,
        VPA_ANNOTATION,
        *WHYS,
    }
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?<!autoscalers\.)scaleguard\.io/[a-z-]+", page.read_text("utf-8"))
    }
    assert named == known
    explained = {
        name for row in rows(DOCS / "concepts.md") for name in re.findall(r"`([^`]+)`", row[0])
    }
    assert known <= explained


# ---------------------------------------------------------------- JSON of a review


def test_every_field_of_the_json_is_explained_and_no_other() -> None:
    page = DOCS / "review-json.md"
    whole, *others = (json.loads(block.text) for block in blocks(page) if block.get("json"))
    results = [*whole["results"], *others]
    findings = [finding for result in results for finding in result["findings"]]
    levels = [[whole], [whole["summary"]], results, findings]
    explained = [
        {name for row in table for name in re.findall(r"`(\w+)`", row[0])} for table in tables(page)
    ]
    assert explained == [{key for value in level for key in value} for level in levels]


# ---------------------------------------------------------------- troubleshooting


def test_every_refusal_is_explained() -> None:
    samples = {
        "method": "GET",
        "allowed": ["POST"],
        "mimetype": "text/plain",
        "most_bytes": 7 * 2**20,
        "path": "/",
        "known": ["/mutate"],
        "reasons": ["…"],
        "error": "…",
        "reason": "…",
    }
    makers = [
        made
        for _, made in inspect.getmembers(refusal, inspect.isfunction)
        if inspect.signature(made).return_annotation is refusal.Refusal
    ]
    assert len(makers) > 8
    table = [row for row in rows(DOCS / "troubleshooting.md") if len(row) == 4]
    for made in makers:
        refused = made(**{name: samples[name] for name in inspect.signature(made).parameters})
        said = [
            row
            for row in table
            if row[0] == str(int(refused.status))
            and row[1] == f"`{refused.result}`"
            and row[2].strip("`") == refused.error
        ]
        assert said, f"{made.__name__}: {refused.status} {refused.result} {refused.error}"


@cache
def documented_messages() -> tuple[str, ...]:
    """The messages in the first cells of tables; `…` stands for anything."""
    cells = [row[0].replace("\\|", "|") for row in rows(DOCS / "troubleshooting.md")]
    return tuple(code for cell in cells for _, code in re.findall(r"(`+) ?(.+?) ?\1(?!`)", cell))


@cache
def patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile(".+".join(map(re.escape, message.split("…"))), re.DOTALL)
        for message in documented_messages()
        if len(re.sub(r"[….: ]", "", message)) >= _SHORTEST
    )


def is_explained(message: str) -> bool:
    return any(pattern.fullmatch(message) for pattern in patterns())


def test_a_message_that_does_not_exist_is_not_explained() -> None:
    assert not is_explained("the moon is full")


def raised() -> Iterator[tuple[str, str]]:
    """(place, message) of every fault that is raised for a person; `…` for what varies."""
    for path in (*(ROOT / "webhook").rglob("*.py"), *(ROOT / "certs").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Raise(exc=ast.Call(func=func, args=[said, *_])):
                    name = ast.unparse(func).rpartition(".")[2]
                    if name in _FAULTS and (message := written(said)):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", message


def written(said: ast.expr) -> str:
    match said:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(
                str(part.value).replace("\n", "") if isinstance(part, ast.Constant) else "…"
                for part in values
            )
    return ""


def test_every_message_of_the_program_is_listed() -> None:
    messages = list(raised())
    assert len(messages) > 30
    listed = documented_messages()
    for place, message in messages:
        if len(re.sub(r"[….: ]", "", message)) < _SHORTEST:
            continue  # all of it varies
        pattern = re.compile(".+".join(map(re.escape, message.split("…"))), re.DOTALL)
        assert any(pattern.match(each) for each in listed), f"{place}: {message}"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1beta1"}',
        b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}',
        *(
            b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {%s}}'
            % it
            for it in (
                b"",
                b'"uid": "1", "operation": "PATCH"',
                b'"uid": "1", "operation": "CREATE"',
                b'"uid": "1", "operation": "CREATE", "kind": {"kind": "Pod"}',
                b'"uid": "1", "operation": "UPDATE", "kind": {"kind": "Pod"}, "object": {}',
            )
        ),
    ],
)
def test_bad_reviews_are_explained(body: bytes) -> None:
    with pytest.raises(BadReview) as refused:
        read_review(decode(body))
    assert is_explained(str(refused.value)), refused.value


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.yaml", "{{ if .Values.on }}\nkind: Pod"),
        ("a.yaml", "cpu: [${CPU}]"),
        ("a.yaml", "{% if on %}\nkind: Pod"),
        ("a.yaml", "kind: !Ref Pod"),
        ("a.yaml", "replicas: 3"),
        ("a.yaml", "- kind: Pod"),
        ("a.json", "// a comment: [\n{}"),
        ("a.yaml", "kind: ["),
        ("a.yaml", "[" * 300),
        ("a.yaml", "kind: *pod"),
    ],
)
def test_what_is_left_out_is_explained(file: str, text: str) -> None:
    left_out = [entry for entry in read_text(text, file) if not isinstance(entry, Document)]
    assert left_out
    for entry in left_out:
        assert is_explained(entry.reason), entry.reason


def test_faults_of_certificates_are_explained(tmp_path: Path) -> None:
    now, names = datetime.now(UTC), Names.of(["localhost"])

    def fault(at: datetime = now) -> str:
        with pytest.raises(StoreError) as refused:
            ensure(tmp_path, names, at)
        return str(refused.value)

    ensure(tmp_path, names, now)
    (tmp_path / "ca.key").unlink()
    found = [fault(now + timedelta(days=100))]
    key = (tmp_path / "tls.key").read_bytes()
    (tmp_path / "tls.key").write_bytes(issue_leaf(make_authority(now), names, now).key)
    found.append(fault())
    (tmp_path / "tls.key").write_text("no key", "utf-8")
    found.append(fault())
    (tmp_path / "tls.key").unlink()
    found.append(fault())
    (tmp_path / "tls.key").write_bytes(key)
    served = ServedCertificate(tmp_path)
    found += served.problems(now + timedelta(days=100))
    found += ServedCertificate(tmp_path / "none").problems(now)
    assert len(found) == 6
    for message in found:
        assert is_explained(message), message


def test_lives_of_certificates_are_those_of_the_code() -> None:
    text = prose(DOCS / "troubleshooting.md")
    assert f"authority for {AUTHORITY_LIFE.days // 365} years" in text
    assert f"certificate for {LEAF_LIFE.days} days" in text


def metric_names() -> Iterator[str]:
    """The names of all metrics, as they are made in the code; a counter's ends in `_total`."""
    for path in (ROOT / "webhook").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=made, args=[ast.Constant(value=str(name)), *_]):
                    if re.fullmatch("scaleguard_[a-z_]+", name):
                        counts = "count" in ast.unparse(made).lower()
                        yield f"{name}_total" if counts else name


def test_metrics_are_those_of_the_code() -> None:
    documented = {row[0].strip("`") for row in rows(DOCS / "troubleshooting.md")}
    named = {name for name in documented if re.fullmatch("scaleguard_[a-z_]+", name)}
    assert named == set(metric_names())
    made = {f"{each.name}_total" for each in Metrics().registry.collect() if each.type == "counter"}
    assert made <= named


# ---------------------------------------------------------------- README


def test_the_denial_in_the_readme_is_the_one_that_users_get() -> None:
    judged = json.loads(scaleguard("review", str(ROOT / "examples/conflict.yaml"), "-o", "json")[1])
    finding = next(found for result in judged["results"] for found in result["findings"])
    sentence = f"[{finding['rule']}] {finding['message']}; fix: {finding['remedy']}; decision "
    assert sentence in " ".join((ROOT / "README.md").read_text("utf-8").split())
