"""Puts measured numbers into docs/scaling.md, between its markers; the prose is written by hand.

    python -m benchmarks.scaling_page

A marker is a pair of comments, <!-- measured: NAME --> and <!-- end -->; what stands between them
is made here of results.json and finite_size.json. What was not measured is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import finite_size
from benchmarks.peers import REPOSITORY
from benchmarks.table import markdown, number
from sim.scenario import Scenario
from sim.world import bytes_needed

PAGE = REPOSITORY / "docs" / "scaling.md"
RESULTS = Path(__file__).with_name("results.json")

NEED_SIZES = ("growth", "convergence")
"""Blocks made of finite_size.json; the others are made of results.json."""

BLOCK = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

FRIENDS = 10
BILLION = 1_000_000_000
MEMORIES_GB = (8, 24, 64, 256)
SHARE_OF_MEMORY = 0.7
"""Of a machine's memory, what a run may take; the rest is for Python, results and others."""

MESSAGE_BYTES = 24
"""Sender, receiver, product, day, channel, trust and key of a message between machines."""

MACHINE_GB, MACHINE_CORES, NETWORK_GB_PER_S = 64, 16, 1.25

Figures = Mapping[str, float]


def costs(figures: Figures, rows: Mapping[str, Any]) -> str:
    """What a consumer, a tie and a message cost."""
    message = figures["phase_share_ns"] / figures["events_impressions"]
    quoted = [
        ("a consumer for a day, one core", figures["day_ns"], "ns"),
        ("the same with two threads, wall clock", figures["day_two_threads_ns"], "ns"),
        ("of it the phase of sharing, for each message received", message, "ns"),
        ("messages a consumer receives in a day", figures["events_impressions"], ""),
        ("share of consumers who are members", figures["events_members"], ""),
        ("memory of a consumer", figures["bytes_per_person"], "bytes"),
        ("memory of a directed tie", figures["bytes_per_tie"], "bytes"),
        ("building the world, per consumer with ten friends", figures["build_s"], "µs"),
        ("a run of 1,000 consumers for 50 days", figures["run_ms"], "ms"),
        ("of it whatever does not grow with consumers", figures["run_overhead_ms"], "ms"),
    ]
    return markdown(("", ""), [(name, f"{number(value)} {unit}") for name, value, unit in quoted])


def growth(figures: Figures, rows: Mapping[str, Any]) -> str:
    """Cost by people, and by friends."""
    return "\n\n".join(
        [
            finite_size.table_of_costs(rows["sizes"]),
            f"The same among {finite_size.DEGREES_SIZE:,} people with more friends:",
            finite_size.table_of_costs(rows["degrees"]),
        ]
    )


def capacity(figures: Figures, rows: Mapping[str, Any]) -> str:
    """People for whom a run has memory enough, by memory."""
    each = bytes_at_the_peak()
    header = f"people with {FRIENDS} friends, {number(each)} bytes at the peak"
    return markdown(
        ("memory", header, "180 days, one core"),
        [
            [f"{memory} GB", f"{people_in(memory, each) / 1e6:.0f} million",
             f"{people_in(memory, each) * 180 * day_among_many(figures) / 1e9 / 60:.0f} minutes"]
            for memory in MEMORIES_GB
        ],
    )  # fmt: skip


def bytes_at_the_peak() -> float:
    """Bytes for each person that a run wants free before it makes its world."""
    some = 1_000_000
    table = {"population": {"size": some}, "network": {"mean_degree": FRIENDS}}
    return bytes_needed(Scenario.from_table(table)) / some


def day_among_many(figures: Figures) -> float:
    """Nanoseconds of a consumer-day where nothing fits in the caches any more."""
    return max(figures["day_ns"], figures["day_ten_million_ns"])


def people_in(gigabytes: float, bytes_each: float) -> float:
    """How many people a run can have in so much memory."""
    return gigabytes * 1e9 * SHARE_OF_MEMORY / bytes_each


def convergence(figures: Figures, rows: Mapping[str, Any]) -> str:
    """Measures per person by size, and their spread."""
    return "\n\n".join(
        [finite_size.table_of_measures(rows["sizes"]), finite_size.table_of_spread(rows["sizes"])]
    )


def partition(figures: Figures, rows: Mapping[str, Any]) -> str:
    """The arithmetic of a billion people on several machines."""
    each = figures["bytes_per_person"] + FRIENDS * figures["bytes_per_tie"]
    peak = bytes_at_the_peak()
    machines = -(-BILLION // int(people_in(MACHINE_GB, peak)))
    here, state = BILLION / machines, BILLION * each / 1e9
    day = day_among_many(figures)
    work, messages = here * day / 1e9 / MACHINE_CORES, figures["events_impressions"]
    sent = here * messages * MESSAGE_BYTES
    sending = sent / NETWORK_GB_PER_S / 1e9
    return markdown(
        ("quantity", "arithmetic", "result"),
        [
            ("state of everybody", f"10⁹ × {number(each)} bytes", f"{state:,.0f} GB"),
            (f"machines of {MACHINE_GB} GB, {SHARE_OF_MEMORY:.0%} of each used",
             f"10⁹ × {number(peak)} bytes at the peak / {MACHINE_GB * SHARE_OF_MEMORY:.0f} GB",
             f"{machines}"),
            ("people on each", f"10⁹ / {machines}", f"{here / 1e6:.0f} million"),
            (f"a day's work on {MACHINE_CORES} cores, if they scale",
             f"{here / 1e6:.0f} million × {number(day)} ns / {MACHINE_CORES}", f"{number(work)} s"),
            ("messages a machine sends in a day, all to others",
             f"{number(messages)} a person × {MESSAGE_BYTES} bytes", f"{number(sent / 1e6)} MB"),
            (f"sending them at {NETWORK_GB_PER_S} GB/s", "", f"{number(sending * 1e3)} ms"),
            ("180 days", "work and messages", f"{number(180 * (work + sending))} s"),
        ],
    )  # fmt: skip


BLOCKS: dict[str, Callable[[Figures, Mapping[str, Any]], str]] = {
    "costs": costs,
    "growth": growth,
    "capacity": capacity,
    "convergence": convergence,
    "partition": partition,
}


def filled(text: str, figures: Figures, rows: Mapping[str, Any]) -> str:
    """The page with every block made anew; a block without its figures says how to get them."""

    def block(match: re.Match[str]) -> str:
        try:
            content = BLOCKS[match[2]](figures, rows)
        except KeyError as missing:
            if match[2] not in BLOCKS:
                raise
            command = "python -m benchmarks.finite_size" if match[2] in NEED_SIZES else "make bench"
            content = f"*Not measured yet ({missing.args[0]}): run `{command}`.*"
        return f"{match[1]}{content}\n{match[3]}"

    return BLOCK.sub(block, text)


def load(path: Path) -> dict[str, Any]:
    """A saved file of results; empty where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def main() -> None:
    """Rewrite the page."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        filled(text, load(RESULTS).get("figures", {}), load(finite_size.SAVED)), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
