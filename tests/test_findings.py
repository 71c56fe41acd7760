"""Findings: their order and their text."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.findings import Finding, by_level

FINDINGS = st.builds(
    Finding,
    code=st.sampled_from(["R001", "R002", "R010"]),
    level=st.sampled_from(["error", "warning", "note"]),
    text=st.just("text"),
    remedy=st.just("remedy"),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(FINDINGS))
def test_errors_come_before_warnings_before_notes(findings: list[Finding]) -> None:
    ordered = by_level(findings)
    assert sorted(map(str, ordered)) == sorted(map(str, findings))
    ranks = [("error", "warning", "note").index(one.level) for one in ordered]
    assert ranks == sorted(ranks)
    for level in ("error", "warning", "note"):
        codes = [one.code for one in ordered if one.level == level]
        assert codes == sorted(codes)


def test_a_finding_is_one_line_with_its_remedy() -> None:
    finding = Finding("R001", "error", "7 ratings are in both parts", "split again")
    assert str(finding) == "R001 error: 7 ratings are in both parts; split again"
