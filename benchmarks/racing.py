"""Contenders, each a process of its own, measured by turns in one run.

Times are processor seconds of the process, its threads and its finished children, unless a row
says wall clock; each contender warms up first, and its least time of several repeats counts. Ours
and those of peers take turns, so a busy neighbour slows them all.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from benchmarks.peers import REPOSITORY, Pythons, environment


@dataclass(frozen=True)
class Contender:
    """A program to be timed.

    name : in tables. program : a module of benchmarks/contenders. job : what it is asked to do.
    needs : modules it imports that may not be installed, the peer's own first. repeats : timed
    ones. warm_ups : untimed ones before. patience : seconds after which it is given up.
    """

    name: str
    program: str
    job: dict[str, Any]
    needs: tuple[str, ...] = ()
    repeats: int = 3
    warm_ups: int = 1
    patience: float = 120.0


@dataclass
class Finish:
    """What a contender took: nan, and a reason in ``missing``, where it could not be measured.

    seconds : processor time of the best repeat. wall : of the best repeat. setup : processor time
    once before. answers : one of each timed repeat. megabytes : its peak resident memory.
    """

    name: str
    seconds: float = math.nan
    wall: float = math.nan
    setup: float = math.nan
    answers: list[Any] = field(default_factory=list)
    megabytes: float = math.nan
    version: str = ""
    missing: str = ""

    @property
    def title(self) -> str:
        """Its name with its version."""
        return f"{self.name} {self.version}".strip()

    def note(self, reply: dict[str, Any]) -> None:
        """Take in one timed repeat."""
        self.seconds = min(reply["seconds"], self.seconds) if self.answers else reply["seconds"]
        self.wall = min(reply["wall"], self.wall) if self.answers else reply["wall"]
        self.answers.append(reply["answer"])
        self.megabytes = reply["megabytes"]


class ContenderError(RuntimeError):
    """A contender broke off or took too long."""


class Process:
    """The process of a contender; see benchmarks/contenders/worker.py for what is said to it."""

    def __init__(self, contender: Contender, executable: str) -> None:
        self.patience = contender.patience
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        self._process = subprocess.Popen(
            [executable, "-m", "benchmarks.contenders.worker", contender.program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=REPOSITORY,
            env=environment(),
        )
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pipe(self._process.stdout), selectors.EVENT_READ)

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        if pipe is None:
            raise RuntimeError("the process was opened without pipes")
        return pipe

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send one line and wait for the answer."""
        line = ""
        # A process that has broken off says so by an empty answer.
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(message), file=self._pipe(self._process.stdin), flush=True)
        if not self._selector.select(self.patience):
            raise ContenderError(f"over the limit of {self.patience:.0f} s")
        line = self._pipe(self._process.stdout).readline()
        if not line:
            raise ContenderError(self._last_error())
        return json.loads(line)

    def _last_error(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f"failed: {said[-1][:120] if said else f'exit {self._process.returncode}'}"

    def close(self) -> None:
        """End the process."""
        self._selector.close()
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def race(contenders: Sequence[Contender], pythons: Pythons) -> dict[str, Finish]:
    """Measure contenders by turns; what each took, by its name."""
    finishes = {one.name: Finish(one.name) for one in contenders}
    running: dict[str, Process] = {}
    for one in contenders:
        python = pythons.find(one.needs)
        if python is None:
            finishes[one.name].missing = "not installed"
            continue
        executable, finishes[one.name].version = python
        running[one.name] = Process(one, executable)
    try:
        for one in contenders:
            _warm_up(one, running, finishes[one.name])
        for turn in range(max((one.repeats for one in contenders), default=0)):
            first = turn % len(contenders)  # nobody always comes after the same one
            for one in (*contenders[first:], *contenders[:first]):
                _take_turn(one, turn, running, finishes[one.name])
    finally:
        for process in running.values():
            process.close()
    return finishes


def _warm_up(one: Contender, running: dict[str, Process], finish: Finish) -> None:
    """Prepare a contender and let it run untimed."""
    if one.name not in running:
        return
    try:
        finish.setup = running[one.name].ask({"prepare": one.job})["seconds"]
        for _ in range(one.warm_ups):
            running[one.name].ask({"repeat": -1})
    except ContenderError as reason:
        _give_up(one, running, finish, reason)


def _take_turn(one: Contender, turn: int, running: dict[str, Process], finish: Finish) -> None:
    """One timed repeat; after its last one a contender leaves its memory to the others."""
    if one.name not in running:
        return
    try:
        finish.note(running[one.name].ask({"repeat": turn}))
        if turn + 1 == one.repeats:
            running.pop(one.name).close()
    except ContenderError as reason:
        _give_up(one, running, finish, reason)


def _give_up(
    one: Contender, running: dict[str, Process], finish: Finish, why: ContenderError
) -> None:
    """Leave out a contender that broke off; the others go on."""
    finish.missing = str(why)
    running.pop(one.name).close()


def best_peer(finishes: Sequence[Finish], wall: bool = False) -> Finish:
    """Who took least; a finish without time where nobody could be measured."""
    ran = [one for one in finishes if not one.missing]
    if not ran:
        return Finish("no peer", missing="none measured")
    return min(ran, key=lambda one: one.wall if wall else one.seconds)


def missing_note(finishes: Sequence[Finish]) -> str:
    """Which peers could not be measured, and why."""
    return ", ".join(f"{one.name} {one.missing}" for one in finishes if one.missing)


@dataclass(frozen=True)
class Command:
    """What a command took, as the least of its repeats: wall seconds, processor seconds."""

    wall: float
    seconds: float
    megabytes: float
    code: int
    output: str


def run_command(arguments: Sequence[str], repeats: int = 1, **changes: str) -> Command:
    """Run a command in fresh processes, in an empty folder each time."""
    best: Command | None = None
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            once = _run_once(arguments, folder, changes)
        if best is None or once.wall < best.wall:
            best = once
    if best is None:
        raise ValueError("repeats must be at least 1")
    return best


def _run_once(arguments: Sequence[str], folder: str, changes: dict[str, str]) -> Command:
    """One run; resources are those of this child alone."""
    output = Path(folder) / ".output"
    with output.open("wb") as sink:
        start = time.perf_counter()
        process = subprocess.Popen(
            arguments, cwd=folder, stdout=sink, stderr=sink, env=environment(**changes)
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    return Command(
        wall,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss / 1024,
        process.returncode,
        output.read_text(errors="replace"),
    )
