"""What the machine can do: memory accesses here and there, streaming, draws, calls."""

from __future__ import annotations

from benchmarks.peers import Pythons
from benchmarks.racing import Contender, race
from benchmarks.table import Part, markdown, number

SIZES = (1_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
QUICK_SIZES = (1_000, 100_000, 1_000_000)

Limits = dict[str, float]


def measure(quick: bool, pythons: Pythons) -> Part:
    """One process that tries each."""
    sizes = QUICK_SIZES if quick else SIZES
    job = {"sizes": sizes, "stream": 5_000_000 if quick else 50_000_000}
    finish = race([Contender("limits", "limits", job, repeats=1, warm_ups=0)], pythons)["limits"]
    if finish.missing:
        raise RuntimeError(f"the limits of the machine could not be measured: {finish.missing}")
    limits: Limits = finish.answers[0]
    kinds = {
        "gather1": "read, 1 byte", "gather4": "read, 4 bytes",
        "increment1": "add 1, 1 byte", "increment4": "add 1, 4 bytes",
        "chase4": "read that needs the one before, 4 bytes",
    }  # fmt: skip
    access = markdown(
        ("entries", *kinds.values()),
        [
            [f"{size:,}", *(number(limits.get(f"{kind}_{size}", float("nan"))) for kind in kinds)]
            for size in sizes
        ],
    )
    others = markdown(
        ("", ""),
        [
            ["a pass over memory", f"{number(limits['read_gb_per_s'])} GB/s"],
            ["a copy, read and written", f"{number(limits['copy_gb_per_s'])} GB/s"],
            [
                "a Philox call (four words) in a branchy loop",
                f"{number(limits['philox_singly'])} ns",
            ],
            ["the same as vector instructions", f"{number(limits['philox_in_blocks'])} ns"],
            ["a call of a compiled function from Python", f"{number(limits['dispatch_ns'])} ns"],
            ["handing work to a thread and back", f"{number(limits['thread_us'])} µs"],
        ],
    )
    text = f"Nanoseconds a random access, one core:\n\n{access}\n\n{others}"
    return Part("Limits of this machine", [], text, limits)


def nearest_size(limits: Limits, kind: str, entries: float) -> float:
    """Nanoseconds of a kind of access, at the measured size nearest to ``entries``."""
    sizes = {int(name.split("_")[1]): value for name, value in limits.items() if kind + "_" in name}
    return sizes[min(sizes, key=lambda size: abs(size - entries))]
