"""The report as JUnit XML: a suite a section, a case a check."""

from __future__ import annotations

from datetime import UTC
from xml.etree import ElementTree

from mockpbx.conformance.check import Outcome
from mockpbx.conformance.report.account import Account, Told

#: The element of an outcome that counts. What does not count, a SHOULD that is not kept, must fail no pipeline.
_ELEMENTS = {Outcome.FAILED: "failure", Outcome.INCONCLUSIVE: "error", Outcome.SKIPPED: "skipped"}


def junit_of(account: Account) -> str:
    """Return the XML. `failure` is a violation, `error` what stayed inconclusive; a SHOULD is `skipped` with its reason
    unless it counts."""
    suites = ElementTree.Element("testsuites", {"name": "mockpbx check", "time": f"{account.report.seconds:.3f}"})
    for section, results in account.sections():
        _suite(suites, section, results, account)
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suites, encoding="unicode")}\n'


def _suite(suites: ElementTree.Element, section: str, results: list[Told], account: Account) -> None:
    elements = [_element(told) for told in results]
    about = {
        "name": section,
        "tests": str(len(results)),
        "failures": str(elements.count("failure")),
        "errors": str(elements.count("error")),
        "skipped": str(elements.count("skipped")),
        "timestamp": account.begun.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    }
    suite = ElementTree.SubElement(suites, "testsuite", about)
    for told, element in zip(results, elements, strict=True):
        case = ElementTree.SubElement(suite, "testcase", {"classname": f"check.{section}", "name": told.check.id})
        if element is not None:
            about = {"type": told.check.level.value, "message": f"{told.outcome}: {told.got}"}
            child = ElementTree.SubElement(case, element, about)
            child.text = "\n".join([f"expected: {told.check.expects}", f"came: {told.got}", *told.exchange])
        elif told.got:
            ElementTree.SubElement(case, "system-out").text = told.got


def _element(told: Told) -> str | None:
    if told.outcome is Outcome.PASSED:
        return None
    return _ELEMENTS[told.outcome] if told.counts else "skipped"
