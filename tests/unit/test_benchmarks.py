"""The parts of the benchmark that measure nothing: goals, the page, races, extrapolation."""

import dataclasses
import math

import pytest

from benchmarks import finite_size, scaling_page, small_model
from benchmarks.limits import nearest_size
from benchmarks.peers import Pythons
from benchmarks.racing import Contender, Finish, best_peer, missing_note, race
from benchmarks.small_runs import extrapolated
from benchmarks.table import Part, at_most, number, page, times_faster


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (0.00123456, "0.00123"), (1.5, "1.50"), (99.96, "100.0"), (45.678, "45.7"),
        (123.4, "123"), (12345.6, "12,346"), (-2.5, "-2.50"), (math.nan, "–"), (math.inf, "–"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


def test_a_ratio_is_how_much_longer_the_peer_takes():
    goal = times_faster("w", ours=2.0, peer=9.0, least=4, unit="s", peer_name="them 1.0")
    assert (goal.verdict, goal.ratio, goal.reference) == ("met", "4.50", "9.00 s: them 1.0")
    slower = times_faster("w", ours=2.0, peer=7.9, least=4, unit="s", peer_name="them")
    assert slower.verdict == "**missed**"


def test_without_a_peer_nothing_is_met():
    goal = times_faster("w", 2.0, math.nan, 4, "s", "them", note="not installed")
    assert (goal.verdict, goal.ratio, goal.note) == ("not judged", "", "not installed")


def test_a_limit_of_the_machine_stands_beside_what_was_measured():
    goal = at_most("w", 24.0, 25.0, "ns", limit=(8.0, "memory"))
    assert (goal.verdict, goal.ratio, goal.reference) == ("met", "3.00", "8.00 ns: memory")
    assert at_most("w", 25.1, 25.0, "ns").verdict == "**missed**"
    assert at_most("w", 25.1, 25.0, "ns", judged=False).verdict == "not judged"
    assert at_most("w", math.nan, 25.0, "ns").verdict == "not judged"


def test_the_page_names_what_is_missed_and_what_was_not_judged():
    goals = [
        at_most("first", 1.0, 2.0, "s", bound="Not told."),
        at_most("second", 3.0, 2.0, "s", bound="Light is too slow."),
        at_most("third", 3.0, 2.0, "s", judged=False, note="small"),
    ]  # fmt: skip
    text = page([Part("P", goals, "more")], "a machine", "a mode")
    assert "1 of 3 goals met, 1 not judged." in text
    assert (
        "Missed:\n\n- second: 3.00 s; the goal is at most 2.00 s. Light is too slow.\n\n|" in text
    )
    assert "| third | 3.00 s |  |  | at most 2.00 s | not judged (small) |" in text
    assert text.endswith("## P\n\nmore\n")


def test_contenders_that_cannot_run_are_named_and_the_others_go_on():
    missing = Contender("absent", "worker", {}, needs=("no_module_has_this_name",))
    broken = Contender("broken", "no_program_has_this_name", {})
    rows = {"kind": "complete", "size": 20, "parameters": {}}
    ours = Contender("ours", "ours_generators", rows, repeats=2, warm_ups=1)
    finishes = race([missing, broken, ours], Pythons([]))
    assert finishes["absent"].missing == "not installed"
    assert finishes["broken"].missing.startswith("failed: ModuleNotFoundError")
    assert [answer["ties"] for answer in finishes["ours"].answers] == [380, 380]
    assert 0 < finishes["ours"].seconds < finishes["ours"].setup + 60
    assert finishes["ours"].megabytes > 10
    everybody = list(finishes.values())
    assert best_peer(everybody) is finishes["ours"]
    assert missing_note(everybody).startswith("absent not installed, broken failed: ")


def test_a_contender_that_takes_too_long_is_given_up():
    slow = Contender("slow", "ours_generators", {}, patience=0.01)
    assert race([slow], Pythons([]))["slow"].missing == "over the limit of 0 s"


def test_a_thousand_runs_are_on_the_line_through_the_measured_ones():
    finishes = {
        "kernels 2 120": Finish("", wall=8.0), "kernels 2 40": Finish("", wall=6.0),
        "kernels 1 40": Finish("", wall=1.0),
    }  # fmt: skip
    assert extrapolated(finishes, "kernels 2", 1_000) == pytest.approx(30.0)


def test_a_peer_with_other_customers_is_found_out():
    ours = Finish("ours", answers=[[1000, 1000, 900, 800]])
    same = Finish("peer", answers=[[990, 1005]])
    assert small_model.agrees(ours, same).startswith("same: -0.2%")
    apart = dataclasses.replace(same, answers=[[700, 800]])
    assert small_model.agrees(ours, apart).startswith("**NOT THE SAME**: -25.0%")


MEASURES = ("orders", "members_end", "impressions", "profit_cents")
FIGURES = {
    "day_ns": 20.0, "day_two_threads_ns": 12.0, "day_ten_million_ns": 30.0, "phase_share_ns": 2.0,
    "events_impressions": 0.004, "events_members": 0.1, "bytes_per_person": 250.0,
    "bytes_per_tie": 18.0, "build_s": 5.0, "run_ms": 6.0, "run_overhead_ms": 3.0,
}  # fmt: skip
MARKED = "before\n<!-- measured: {} -->\nold\n<!-- end -->\nafter\n"


def test_the_page_on_scaling_is_filled_between_its_markers():
    once = scaling_page.filled(MARKED.format("partition"), FIGURES, {})
    assert once.startswith("before\n<!-- measured: partition -->\n| quantity |")
    assert once.endswith("|\n<!-- end -->\nafter\n")
    assert "old" not in once
    # 668 bytes a person at the peak; 70 % of 64 GB hold 67 million of them: 15 machines.
    assert "| state of everybody | 10⁹ × 430 bytes | 430 GB |" in once
    assert "| 10⁹ / 15 | 67 million |" in once
    # 66.7 million × 30 ns / 16 cores; 66.7 million × 0.004 × 24 bytes.
    assert "67 million × 30.0 ns / 16 | 0.125 s |" in once
    assert "0.00400 a person × 24 bytes | 6.40 MB |" in once
    assert scaling_page.filled(once, FIGURES, {}) == once


def test_what_was_not_measured_is_not_invented():
    page = scaling_page.filled(MARKED.format("costs"), {}, {})
    assert "*Not measured yet (phase_share_ns): run `make bench`.*" in page
    assert "finite_size" in scaling_page.filled(MARKED.format("growth"), FIGURES, {})
    with pytest.raises(KeyError, match="nonsense"):
        scaling_page.filled(MARKED.format("nonsense"), FIGURES, {})


def test_the_committed_page_on_scaling_is_what_the_measurements_say():
    text = scaling_page.PAGE.read_text(encoding="utf-8")
    figures = scaling_page.load(scaling_page.RESULTS).get("figures", {})
    rows = scaling_page.load(finite_size.SAVED)
    assert scaling_page.filled(text, figures, rows) == text, "run python -m benchmarks.scaling_page"


def test_a_measure_per_person_has_its_standard_error():
    worlds = [
        {"build": 1.0 + k, "run": 2.0, "ties": 90, "none": dict.fromkeys(MEASURES, 10.0 * k),
         "give_get": dict.fromkeys(MEASURES, 10.0 * k + 5)}
        for k in range(3)
    ]  # fmt: skip
    found = finite_size.row(10, Finish("growth", answers=[worlds], megabytes=100.0))
    assert found["build_s"] == 1.0
    assert found["measures"]["orders without reward"] == {"mean": 1.0, "sd": 1.0}
    assert found["measures"]["orders that the reward adds"] == {"mean": 0.5, "sd": 0.0}
    many, one = found | {"worlds": 16}, found | {"size": 1_000, "worlds": 1}
    text = finite_size.table_of_measures([many, one])
    # 1 / sqrt(16), and from one world of 1,000 people sqrt(10) / sqrt(1000).
    assert "| orders without reward | 1.0000 ± 0.2500 | 1.0000 ± 0.1000 |" in text


def test_a_limit_is_that_of_the_nearest_size():
    limits = {"gather4_1000": 1.0, "gather4_100000": 2.0, "gather1_90000": 3.0}
    assert nearest_size(limits, "gather4", 90_000) == 2.0
