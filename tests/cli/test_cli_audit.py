"""``vouch audit``: the verdict first, counter-examples, exit codes."""

from __future__ import annotations

import json

import pytest


def test_the_verdict_comes_before_the_figures(vouch, scenario):
    ended = vouch("audit", scenario, "--policy", "ten_percent")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0] == "ten_percent (percentage)"
    assert lines[1].startswith("pays at most 3.60 EUR an order, breaks even at 10 % margin")
    assert ended.out.index("What a referred order costs") < ended.out.index("Invariants")


def test_all_policies_have_an_overview(vouch, scenario):
    ended = vouch("audit", scenario)
    assert ended.code == 0
    head = ended.out.split("Invariants")[0]
    assert all(name in head for name in ("none", "ten_percent", "give_get", "a faker"))


def test_a_broken_invariant_ends_with_1_and_shows_the_counter_example(vouch, scenario):
    ended = vouch(
        "audit", scenario, "--policy", "ten_percent", "--set", "policies.ten_percent.hold_days=0",
        "--set", "policies.ten_percent.clawback=false",
    )  # fmt: skip
    assert ended.code == 1
    assert "✗  I6" in ended.out
    assert "back on day 14" in ended.out


def test_levels_that_the_jurisdiction_forbids_end_with_1(vouch, scenario):
    scenario.write_text(
        'jurisdiction = "CN"\n[policies.deep]\nscheme = "multi_level"\nlevels = 3\n'
    )
    ended = vouch("audit", scenario)
    assert ended.code == 1
    assert "refused in CN" in ended.out


def test_json_holds_everything_and_is_also_written(vouch, scenario, tmp_path):
    ended = vouch("audit", scenario, "--json", "--out", "found", "--identity-cost", "1.50")
    assert ended.code == 0
    assert ended.json["passed"] is True
    attacks = ended.json["policies"]["give_get"]["attacks"]
    assert attacks["identity_cost_cents"] == 150
    assert attacks["false_names"][0]["self_after_cost_cents"] == 1000 - 150
    assert json.loads((tmp_path / "found" / "result.json").read_text()) == ended.json


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--policy", "ten_prcent"), "did you mean 'ten_percent'"),
        (("--identity-cost", "-1"), "identity_cost = -1"),
        (("--identity-cost", "0.001"), "cents"),
        (("--set", "policies.ten_percent.rat=1"), "rat"),
        (("--set", "jurisdiction=CNN"), "jurisdiction"),
    ],
)
def test_wrong_input_is_one_line(vouch, scenario, arguments, message):
    ended = vouch("audit", scenario, *arguments)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
