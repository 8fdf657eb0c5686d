"""JUnit XML: what CI servers show as tests, one suite per file and one test per object."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from webhook.core.verdict import Rule
from webhook.manifests.entries import Source
from webhook.offline.formats import Placed, fails, in_words, placed, printable
from webhook.offline.results import Review

_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def render(judged: Review, _rules: Mapping[str, Rule], fail_on: str) -> str:
    """Write a review as test suites: what fails the review fails its test."""
    root = Element("testsuites", name="scaleguard review")
    suites: dict[str, Element] = {}

    def case(source: Source, name: str) -> Element:
        file = _xml(in_words(source.file))
        if file not in suites:
            suites[file] = SubElement(root, "testsuite", name=file)
        classname = _xml(f"{file} {_place(source)}")
        return SubElement(suites[file], "testcase", name=_xml(name), classname=classname)

    findings: dict[int, list[Placed]] = {}
    for one in placed(judged):
        findings.setdefault(id(one.result), []).append(one)
    for result in judged.results:
        _judge(case(result.source, str(result.ref)), findings.get(id(result), []), fail_on)
    for entry in judged.unreadable:
        test = case(entry.source, _place(entry.source))
        SubElement(test, "error", message=_xml(entry.reason), type="unreadable")
    for left in judged.skipped:
        SubElement(case(left.source, _place(left.source)), "skipped", message=_xml(left.reason))
    for element in (*suites.values(), root):
        _count(element)
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}'


def _place(source: Source) -> str:
    item = "" if source.item is None else f" item {source.item}"
    return f"document {source.document}{item}"


def _judge(case: Element, findings: list[Placed], fail_on: str) -> None:
    """Write what fails the review as failures, and everything else as output of the test."""
    for one in findings:
        if fails(one.finding.action, fail_on):
            failure = SubElement(case, "failure", message=_xml(one.text), type=one.finding.rule)
            failure.text = _xml(f"{in_words(one.file)}:{one.line}: {one.text}")
    rest = [one.finding for one in findings if not fails(one.finding.action, fail_on)]
    if rest:
        lines = (f"{finding.action.value}: {finding.sentence()}" for finding in rest)
        SubElement(case, "system-out").text = _xml("\n".join(lines))


def _count(element: Element) -> None:
    element.set("tests", str(sum(1 for _ in element.iter("testcase"))))
    for tag, attribute in _COUNTED.items():
        cases = (case for case in element.iter("testcase") if case.find(tag) is not None)
        element.set(attribute, str(sum(1 for _ in cases)))


def _xml(text: str) -> str:
    """Replace what XML 1.0 cannot hold in any way."""
    return printable(text, keep="\t\n")
