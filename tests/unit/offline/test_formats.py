"""Reports for other tools: what they promise their readers, also for names that want to be more."""

import importlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from junitparser import JUnitXml, TestCase, TestSuite

from tests.unit.offline.manifests import DEPLOYMENT, HPA, VPA, judged
from tests.unit.offline.sarif_shape import SARIF
from webhook import config as configuration
from webhook.offline.formats import seen_from
from webhook.offline.results import Review
from webhook.wiring import build_judge

FORMS = ("sarif", "junit", "github", "markdown")
_FORMATS = "webhook.offline.formats"
RULES = build_judge(configuration.Config()).settings.rules

IDLE_HPA = HPA.replace("maxReplicas: 10", "maxReplicas: 2").replace("name: web}\n", "name: idle}\n")
EXEMPT_HPA = HPA.replace(
    "metadata: {name: web}",
    'metadata: {name: web, annotations: {scaleguard.io/exempt: "hpa-vpa-same-metric"}}',
)

HOSTILE = (
    "a\n::error::b\r##[error]%0A|`x` <b>&amp;</b> [l](http://e.x) @team #1 {0} \x00\x1b[1m]]>\\"
)


def named(document: str, name: str) -> str:
    return document.replace("metadata: {name: web}", f"metadata: {{name: {json.dumps(name)}}}")


def render(form: str, review: Review, fail_on: str = "deny") -> str:
    made: Callable[..., str] = importlib.import_module(f"{_FORMATS}.{form}").render
    return made(review, RULES, fail_on)


def everything() -> Review:
    """Two denials, a warning, something skipped and something unreadable."""
    return judged(DEPLOYMENT, HPA, VPA, IDLE_HPA, "replicas: 2", "a: [", file="deploy/all.yaml")


def hostile() -> Review:
    return judged(DEPLOYMENT, named(HPA, HOSTILE), named(VPA, HOSTILE), "a: [", file="x,y:\n%.yaml")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("make", [everything, hostile, lambda: judged("")])
def test_the_same_review_is_the_same_text(form: str, make: Callable[[], Review]) -> None:
    text = render(form, make())
    assert text == render(form, make())
    text.encode()
    shown = re.sub("[\n\t\u200b]", "", text)
    assert shown.isprintable()


# ---------------------------------------------------------------- SARIF


def sarif(review: Review) -> dict[str, Any]:
    log = json.loads(render("sarif", review))
    jsonschema.validate(log, SARIF, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    (run,) = log["runs"]
    assert isinstance(run, dict)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return run


def test_a_sarif_log_has_all_rules_and_all_findings() -> None:
    run = sarif(everything())
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(RULES)
    results = [
        (one["ruleId"], one["level"], one["locations"][0]["physicalLocation"])
        for one in run["results"]
    ]
    place = {"artifactLocation": {"uri": "deploy/all.yaml", "uriBaseId": "%SRCROOT%"}}
    for line, column in ((19, 7), (25, 1)):
        region = {"region": {"startLine": line, "startColumn": column}}
        assert ("hpa-vpa-same-metric", "error", place | region) in results
    assert list(run["originalUriBaseIds"]) == ["%SRCROOT%"]
    assert {level for _, level, _ in results} == {"error", "warning"}
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (told,) = invocation["toolExecutionNotifications"]
    assert told["message"]["text"].startswith("cannot be read: line ")


def test_an_empty_sarif_log_and_an_exempted_finding() -> None:
    assert sarif(judged(""))["results"] == []
    assert sarif(judged(""))["invocations"][0]["executionSuccessful"] is True
    exempt = sarif(judged(DEPLOYMENT, EXEMPT_HPA, VPA))["results"]
    assert {one["level"] for one in exempt} == {"note"}


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("-", "stdin"),
        ("a b/ü#?.yaml", "a%20b/%C3%BC%23%3F.yaml"),
        ("a:b.yaml", "a%3Ab.yaml"),
        ("/abs/a.yaml", "file:///abs/a.yaml"),
        ("../a.yaml", "../a.yaml"),
        ("\udcff.yaml", "%FF.yaml"),
    ],
)
def test_files_are_uris(file: str, uri: str) -> None:
    (result, _) = sarif(judged(HPA, VPA, file=file))["results"]
    below = {} if file in {"-", "../a.yaml", "/abs/a.yaml"} else {"uriBaseId": "%SRCROOT%"}
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri, **below}


def test_a_rule_with_a_page_of_its_own_leads_there() -> None:
    links = ("https://rules.example/a", "https://rules.example/b")
    rules = {name: replace(rule, links=links) for name, rule in RULES.items()}
    log = json.loads(
        importlib.import_module(f"{_FORMATS}.sarif").render(judged(HPA), rules, "deny")
    )
    jsonschema.validate(log, SARIF)
    rule = log["runs"][0]["tool"]["driver"]["rules"][0]
    assert rule["helpUri"] == links[0]
    assert rule["help"]["markdown"].endswith("\n\n<https://rules.example/b>")
    assert "**Fix:** let the VPA give up" in rule["help"]["markdown"]


def test_findings_that_are_alike_are_told_apart() -> None:
    squatting = """
        apiVersion: ray.io/v1
        kind: RayCluster
        metadata: {name: tune}
        spec:
          workerGroupSpecs:
            - groupName: one
              template: &same
                spec:
                  tolerations: [{key: nvidia.com/gpu, operator: Exists}]
                  containers: [{name: worker, image: x}]
            - groupName: two
              template: *same
        """
    found = sarif(judged(squatting))["results"]
    prints = [one["partialFingerprints"]["scaleguard/v1"] for one in found]
    assert [one["ruleId"] for one in found] == ["gpu-node-squatter"] * 2
    assert [one.partition(":")[2] for one in prints] == ["1", "2"]
    assert prints[0].partition(":")[0] == prints[1].partition(":")[0]


def test_a_finding_stays_the_same_when_lines_move() -> None:
    def prints(*documents: str) -> list[dict[str, str]]:
        found = sarif(judged(*documents))["results"]
        return [one["partialFingerprints"] for one in found]

    before = prints(HPA, VPA)
    assert before == prints("# a comment\n\n" + HPA.strip(), VPA)
    assert before[0] != before[1]
    assert before != prints(named(HPA, "other"), VPA)


def test_a_name_in_a_sarif_message_is_neither_link_nor_placeholder() -> None:
    text = sarif(hostile())["results"][0]["message"]["text"]
    assert "](" not in text
    assert "{{0}}" in text


# ---------------------------------------------------------------- JUnit


def suites(text: str) -> dict[str, TestSuite]:
    read = JUnitXml.fromstring(text.encode())
    assert isinstance(read, JUnitXml)
    return {str(suite.name): suite for suite in read}


def outcomes(suite: TestSuite) -> list[list[str]]:
    assert all(isinstance(case, TestCase) for case in suite)
    return [[type(one).__name__ for one in case.result] for case in suite]


def test_a_suite_for_each_file_and_a_test_for_each_object() -> None:
    (suite,) = suites(render("junit", everything())).values()
    assert suite.name == "deploy/all.yaml"
    assert outcomes(suite) == [[], ["Failure"], ["Failure"], [], ["Error"], ["Skipped"]]
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (6, 2, 1, 1)
    names = [(case.name, case.classname) for case in suite]
    assert names[1] == ("HorizontalPodAutoscaler default/web", "deploy/all.yaml document 2")
    assert names[4] == ("document 6", "deploy/all.yaml document 6")
    warned = list(suite)[3]
    assert str(warned.system_out).startswith("warn: [hpa-no-effect] ")
    failure = list(suite)[1].result[0]
    assert failure.type == "hpa-vpa-same-metric"
    assert str(failure.text).startswith("deploy/all.yaml:19: HorizontalPodAutoscaler default/web")


def test_what_fails_the_review_fails_its_test() -> None:
    (suite,) = suites(render("junit", everything(), "warn")).values()
    assert outcomes(suite)[3] == ["Failure"]
    assert suite.failures == 3


def test_files_of_a_review_are_suites_in_its_order() -> None:
    one, two = judged(HPA, file="one.yaml"), judged(VPA, file="-")
    both = Review((*one.results, *two.results))
    assert list(suites(render("junit", both))) == ["one.yaml", "standard input"]


def test_names_that_xml_cannot_hold() -> None:
    text = render("junit", hostile())
    (suite,) = suites(text).values()
    assert [len(names) for names in outcomes(suite)] == [0, 1, 1, 1]
    root = ET.fromstring(text)  # noqa: S314 - our own
    assert {element.tag for element in root.iter()} == {
        *("testsuites", "testsuite", "testcase", "failure", "error")
    }


# ---------------------------------------------------------------- GitHub

COMMAND = re.compile(r"::(error|warning|notice) (?:file=([^,:]*),line=(\d+),)?title=([^,:]*)::(.*)")


def commands(text: str) -> list[tuple[str, ...]]:
    """Read workflow commands as the runner does: line by line, then each part unescaped."""
    found = []
    for line in re.split(r"\r\n|\r|\n", text):
        match = COMMAND.fullmatch(line)
        assert match, line
        found.append(tuple(unquote(part or "") for part in match.groups()))
    return found


def test_an_annotation_for_each_finding_and_what_cannot_be_read() -> None:
    found = commands(render("github", everything()))
    assert [one[:3] for one in found] == [
        ("error", "deploy/all.yaml", "19"),
        ("error", "deploy/all.yaml", "25"),
        ("warning", "deploy/all.yaml", "35"),
        ("error", "deploy/all.yaml", "42"),
    ]
    assert found[0][3] == "hpa-vpa-same-metric: HorizontalPodAutoscaler default/web"
    assert "; fix: set controlledResources: [memory]" in found[0][4]
    assert found[3][3] == "cannot be read"
    assert render("github", judged("")) == ""


def test_an_exempted_finding_is_a_notice() -> None:
    found = commands(render("github", judged(DEPLOYMENT, EXEMPT_HPA, VPA)))
    assert {one[0] for one in found} == {"notice"}


def test_a_name_begins_no_command_of_its_own() -> None:
    found = commands(render("github", hostile()))
    assert len(found) == 3
    assert found[0][1] == "x,y:\n%.yaml"
    assert "a\n::error::b\r##[error]%0A|" in found[0][4]  # unescaped it is what was written


def test_standard_input_has_no_file() -> None:
    first = commands(render("github", judged(HPA, VPA, file="-")))[0]
    assert first[1:3] == ("", "")
    assert first[4].startswith("standard input, line ")


@pytest.mark.parametrize(
    ("file", "seen"),
    [
        ("/src/repo/a/b.yaml", "a/b.yaml"),
        ("./a/b.yaml", "a/b.yaml"),
        ("a/b.yaml", "a/b.yaml"),
        ("../b.yaml", "../b.yaml"),
        ("/elsewhere/b.yaml", "/elsewhere/b.yaml"),
        ("-", "-"),
    ],
)
def test_files_are_named_as_they_are_seen_from_the_repository(file: str, seen: str) -> None:
    review = seen_from(judged(HPA, "a: [", "a: 1", file=file), PurePath("/src/repo"))
    sources = [
        review.results[0].source,
        *(one.source for one in review.unreadable),
        *(one.source for one in review.skipped),
    ]
    assert [source.file for source in sources] == [seen] * 3


# ---------------------------------------------------------------- Markdown


def test_a_table_of_findings() -> None:
    lines = render("markdown", everything()).splitlines()
    assert lines[:3] == [
        "## scaleguard review",
        "",
        "4 objects: 2 denied, 1 warned of, 0 fitted, 1 unreadable",
    ]
    denied = [line for line in lines if line.startswith("| ❌ deny | hpa-vpa-same-metric | ")]
    assert len(denied) == 2
    assert " | deploy/all.yaml:19 | " in denied[0]
    assert r"\[memory\]" in denied[0]
    assert any(line.startswith("| ⚠️ warn | hpa-no-effect | ") for line in lines)
    assert lines[-4:-1] == ["", "| Unreadable | Why |", "|---|---|"]
    assert lines[-1].startswith("| deploy/all.yaml document 6 | line 4")


def test_nothing_wrong_is_one_sentence() -> None:
    text = render("markdown", judged(DEPLOYMENT))
    assert text.splitlines()[2:] == ["1 object: 0 denied, 0 warned of, 0 fitted, 0 unreadable"]


def test_a_name_is_no_markup() -> None:
    lines = render("markdown", hostile()).splitlines()
    rows = [line for line in lines if line.startswith("| ❌")]
    assert len(rows) == 2
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 7  # as many cells as the heading has
        bare = re.sub(r"\\.", "", row)
        assert not re.search(r"[`<>\[\]()*_]|@\w|\w#\d|://", bare.replace("&#8203;", "\u200b"))
        assert "@&#8203;team" in row
        assert r"http:&#8203;//e.x" in row
