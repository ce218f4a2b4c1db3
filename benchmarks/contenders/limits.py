"""What the machine can do: memory accesses, streaming, draws, calls."""

import functools
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sim._jit import kernel
from sim.randomness import fill_words, uniform_table, uniforms

LARGEST_CYCLE = 10_000_000


@kernel
def gather(values, places):
    """Independent reads, here and there."""
    total = 0
    for k in range(places.size):
        total += values[places[k]]
    return total


@kernel
def increment(values, places):
    """Independent read-modify-writes, here and there."""
    for k in range(places.size):
        values[places[k]] += 1


@kernel
def chase(follows, steps):
    """Reads each of which needs the one before."""
    at = 0
    for _ in range(steps):
        at = follows[at]
    return at


@kernel
def add_up(values):
    """A pass over everything."""
    total = 0.0
    for k in range(values.size):
        total += values[k]
    return total


@kernel
def draw_singly(people):
    """A Philox call in a branchy loop, one of its words used."""
    count = 0
    for i in range(people):
        count += uniforms(np.uint64(1), 7, 3, i, 0, 0)[0] < 0.5
    return count


@kernel
def draw_in_blocks(people, block, table):
    """Philox calls as vectors; four words each."""
    for _ in range(0, people, block.size):
        fill_words(np.uint64(1), 7, 3, 0, block, block.size, table)
    return table[0, 0]


@kernel
def nothing():
    """A call."""


def least_seconds(work, repeats=5, clock=time.process_time):
    """The least time of several."""
    work()
    best = np.inf
    for _ in range(repeats):
        start = clock()
        work()
        best = min(best, clock() - start)
    return best


def places_in(size, count):
    """``count`` random places of an array of ``size``."""
    return (uniform_table(np.uint64(1), 7, 0, count)[0] * size).astype(np.uint32)


def cycle(size):
    """A permutation with one cycle that jumps about: a full-period congruential generator."""
    bits = size.bit_length() - 1
    at = np.arange(1 << bits, dtype=np.uint64)
    following = at * np.uint64(0x5851F42D4C957F2D) + np.uint64(0x14057B7EF767814F)
    return (following & np.uint64((1 << bits) - 1)).astype(np.uint32)


def memory(sizes):
    """Nanoseconds a random access, by kind and size."""
    found = {}
    for size in sizes:
        places = places_in(size, 2_000_000)
        for width, kind in ((1, np.uint8), (4, np.uint32)):
            found[f"gather{width}_{size}"], found[f"increment{width}_{size}"] = accesses(
                np.zeros(size, kind), places
            )
        if size <= LARGEST_CYCLE:
            found[f"chase4_{size}"] = chasing(cycle(size), min(1_000_000, 20 * size))
    return found


def accesses(values, places):
    """Nanoseconds an independent read, and an independent increment."""
    return [
        least_seconds(functools.partial(work, values, places)) / places.size * 1e9
        for work in (gather, increment)
    ]


def chasing(follows, steps):
    """Nanoseconds a read that needs the one before."""
    return least_seconds(lambda: chase(follows, steps), 2) / steps * 1e9


def streaming(size):
    """Gigabytes a second: a pass of sums, and a copy (read and written)."""
    values = np.ones(size)
    other = np.empty(size)
    return {
        "read_gb_per_s": values.nbytes / least_seconds(lambda: add_up(values)) / 1e9,
        "copy_gb_per_s": 2 * values.nbytes / least_seconds(lambda: np.copyto(other, values)) / 1e9,
    }


def draws(count=1_000_000):
    """Nanoseconds a Philox call, four words, in a loop and as vectors."""
    block, table = np.arange(1000, dtype=np.int32), np.zeros((4, 1000), np.uint32)
    return {
        "philox_singly": least_seconds(lambda: draw_singly(count)) / count * 1e9,
        "philox_in_blocks": least_seconds(lambda: draw_in_blocks(count, block, table))
        / count
        * 1e9,
    }


def calls(count=20_000):
    """Nanoseconds a call of a compiled function, and microseconds a hand-over to a thread."""

    def many():
        for _ in range(count):
            nothing()

    found = {"dispatch_ns": least_seconds(many) / count * 1e9}
    with ThreadPoolExecutor(1) as pool:
        clock = time.perf_counter

        def hand_over():
            for _ in range(200):
                pool.submit(nothing).result()

        found["thread_us"] = least_seconds(hand_over, clock=clock) / 200 * 1e6
    return found


def prepare(job):
    def work():
        return memory(job["sizes"]) | streaming(job["stream"]) | draws() | calls()

    return lambda turn: work
