"""Crews: pieces of work get done, and a process that dies or hangs costs its piece alone."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from concurrent import futures
from typing import Any

import pytest

from sim.errors import InputError
from sim.studies.crews import (
    FuturesCrew,
    LocalCrew,
    Lost,
    Raised,
    SerialCrew,
    StoppedError,
    check_interrupt,
    lasting_interrupts,
    resident_bytes,
    show_life,
)
from sim.studies.replicate import Workers


class StrangeError(Exception):
    """An error that cannot be sent to another process."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(one)
        self.lock = threading.Lock()


def work(piece: Any) -> Any:
    """Does what the piece says."""
    match piece:
        case ("die", how):
            os.kill(os.getpid(), how)
        case ("exit", code):
            os._exit(code)
        case ("leave", code):
            sys.exit(code)
        case ("sleep", seconds):
            time.sleep(seconds)
        case ("raise", error):
            raise error
        case ("raise strange", text):
            raise StrangeError(text, text)
        case ("bytes", count):
            return bytes(count)
        case ("return strange", _):
            return threading.Lock()
        case ("hold", megabytes):
            held = bytearray(os.urandom(1) * (megabytes * 1_000_000))
            time.sleep(30)
            return len(held)
        case ("work", steps):
            for _ in range(steps):
                time.sleep(0.2)
                show_life()
        case ("lose an interrupt", _):
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        case ("who", _):
            return os.getpid()
        case ("size", _):
            return resident_bytes()
    return piece


def do(crew: Any, pieces: list[Any]) -> dict[int, Any]:
    """What becomes of pieces, by their numbers."""
    for number, piece in enumerate(pieces):
        crew.submit(number, piece)
    found: dict[int, Any] = {}
    while len(found) < len(pieces):
        done = crew.collect(30)
        assert done, "a crew with work gave nothing for thirty seconds"
        for number, result in done:
            assert number not in found
            found[number] = result
    return found


@pytest.fixture
def local():
    crew = LocalCrew(work, 2)
    yield crew
    crew.close(at_once=True)


def test_every_piece_is_done_once_whoever_does_it(local):
    numbers = list(range(40))
    with futures.ThreadPoolExecutor(3) as threads:
        for crew in (SerialCrew(work), local, FuturesCrew(work, threads, 3)):
            assert do(crew, numbers) == dict(enumerate(numbers))


def test_two_processes_of_their_own_do_the_work(local):
    found = do(local, [("who", 0), ("sleep", 0.2), ("who", 0), ("sleep", 0.2), ("who", 0)])
    workers = {found[0], found[2], found[4]}
    assert os.getpid() not in workers
    assert len(workers) <= 2


def test_a_crew_without_work_gives_nothing_at_once(local):
    with futures.ThreadPoolExecutor(1) as threads:
        for crew in (SerialCrew(work), local, FuturesCrew(work, threads, 1)):
            assert crew.collect() == []


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        (("die", signal.SIGKILL), "ended by SIGKILL, most likely because memory ran out"),
        (("die", signal.SIGXCPU), "ended by SIGXCPU"),
        (("die", signal.SIGTERM), "ended by SIGTERM"),
        (("exit", 3), "ended with exit code 3"),
        (("leave", 4), "ended with exit code 4"),
    ],
)
def test_a_process_that_dies_loses_its_piece_and_no_other(local, piece, reason):
    found = do(local, [1, piece, 2, 3, piece, 4])
    assert isinstance(found[1], Lost)
    assert reason in found[1].reason
    assert found[4] == found[1]
    assert [found[number] for number in (0, 2, 3, 5)] == [1, 2, 3, 4]


def test_a_process_killed_while_it_is_idle_costs_at_most_a_piece(local):
    assert do(local, [1, 2]) == {0: 1, 1: 2}
    for worker in local._workers:
        worker.process.kill()
        worker.process.join()
    found = do(local, [1, 2, 3, 4])
    assert sum(isinstance(result, Lost) for result in found.values()) <= 2
    assert do(local, [5, 6]) == {0: 5, 1: 6}


def test_a_process_killed_from_outside_is_noticed_at_once(local):
    local.submit(0, ("sleep", 60))
    start = time.monotonic()
    os.kill(local._workers[0].process.pid, signal.SIGKILL)
    [(number, result)] = local.collect()
    assert number == 0
    assert isinstance(result, Lost)
    assert time.monotonic() - start < 10


def test_a_process_that_hangs_is_ended_after_its_limit():
    crew = LocalCrew(work, 2, time_limit=lambda piece: 1.0 if piece == ("sleep", 600) else 60.0)
    start = time.monotonic()
    found = do(crew, [("sleep", 600), 1, ("sleep", 1.5), 2])
    crew.close(at_once=True)
    assert time.monotonic() - start < 20
    assert isinstance(found[0], Lost)
    assert "it hung: no answer after" in found[0].reason
    # A longer piece with a longer limit is left in peace.
    assert found[2] == ("sleep", 1.5)
    assert (found[1], found[3]) == (1, 2)


def test_a_long_piece_that_shows_life_is_left_in_peace():
    crew = LocalCrew(work, 1, time_limit=lambda piece: 1.5)
    start = time.monotonic()
    assert do(crew, [("work", 12)]) == {0: ("work", 12)}
    assert time.monotonic() - start > 2
    assert do(crew, [("sleep", 60)])[0].hung
    crew.close(at_once=True)


def test_a_process_that_takes_too_much_memory_is_ended():
    # Of a process that has done nothing: a share of its parent's memory does not count there.
    idle = LocalCrew(work, 1)
    size = do(idle, [("size", 0)])[0]
    idle.close(at_once=False)
    crew = LocalCrew(work, 2, memory_limit=size + 200e6)
    found = do(crew, [("hold", 600), 1, 2])
    crew.close(at_once=True)
    assert isinstance(found[0], Lost)
    assert "MB of memory" in found[0].reason
    assert (found[1], found[2]) == (1, 2)


def test_an_error_comes_back_as_it_was_and_the_process_goes_on(local):
    found = do(local, [("raise", InputError("no good")), 1, ("raise", KeyError("x")), 2])
    assert isinstance(found[0], Raised)
    assert isinstance(found[0].error, InputError)
    assert str(found[0].error) == "no good"
    assert isinstance(found[2].error, KeyError)
    assert (found[1], found[3]) == (1, 2)


def test_an_error_that_cannot_be_sent_comes_back_as_text(local):
    found = do(local, [("raise strange", "deep"), 1])
    assert isinstance(found[0], Raised)
    assert "StrangeError: deep" in str(found[0].error)
    assert found[1] == 1


def test_a_result_that_cannot_be_sent_costs_its_piece_alone(local):
    found = do(local, [("return strange", 0), 1])
    assert isinstance(found[0], Lost | Raised)
    assert found[1] == 1


def context_of_an_error(piece: Any) -> str:
    """Whether what is raised here counts as raised while something else was handled."""
    if piece == "die":
        os._exit(3)
    try:
        raise ValueError("own")
    except ValueError as error:
        return repr(error.__context__)


def test_a_replaced_process_does_not_start_inside_the_handling_of_the_loss():
    crew = LocalCrew(context_of_an_error, 1)
    found = do(crew, ["die", "go on"])
    crew.close(at_once=True)
    assert found[1] == "None"


@pytest.mark.parametrize("count", [10, 200_000, 20_000_000])
def test_results_larger_than_a_pipe_come_whole(local, count):
    found = do(local, [("bytes", count)] * 4)
    assert all(found[number] == bytes(count) for number in range(4))


def test_pieces_larger_than_a_pipe_come_whole(local):
    pieces = [bytes([number]) * 3_000_000 for number in range(6)]
    assert do(local, pieces) == dict(enumerate(pieces))


def test_collecting_waits_no_longer_than_asked(local):
    local.submit(0, ("sleep", 5))
    start = time.monotonic()
    assert local.collect(0.2) == []
    assert 0.15 < time.monotonic() - start < 3


def test_closing_at_once_leaves_no_process(local):
    local.submit(0, ("sleep", 60))
    processes = [worker.process for worker in local._workers]
    pids = [process.pid for process in processes]
    start = time.monotonic()
    local.close(at_once=True)
    assert time.monotonic() - start < 5
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_end_with_their_parent():
    """Killed without a chance to say so, a coordinator leaves nobody behind."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        crew = LocalCrew(work, 3)
        crew.submit(0, ("sleep", 60))
        os.write(writing, repr([worker.process.pid for worker in crew._workers]).encode())
        time.sleep(60)
        os._exit(0)
    pids = [int(pid) for pid in os.read(reading, 1000).decode().strip("[]").split(",")]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    deadline = time.monotonic() + 10
    left = pids
    while left and time.monotonic() < deadline:
        left = [pid for pid in left if _lives(pid)]
        time.sleep(0.02)
    assert len(pids) == 3
    assert not left


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as line:
            return line.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


# -------------------------------------------------------------------------------------- interrupts


@pytest.fixture
def usual_interrupts():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual_interrupts")
def test_an_interrupt_that_a_library_takes_for_something_else_is_found():
    """numpy and enum members do so: a Ctrl-C while it asks "is this an array?" means no."""

    def lose() -> None:
        with lasting_interrupts():
            work(("lose an interrupt", 0))
            with pytest.raises(KeyboardInterrupt):
                check_interrupt()

    with pytest.raises(KeyboardInterrupt):
        lose()
    check_interrupt()


@pytest.mark.usefixtures("usual_interrupts")
def test_pieces_stop_at_an_interrupt_that_got_lost():
    found = []

    def run() -> None:
        with Workers(_lose_at_two, 1) as workers:
            for number, _ in workers.run(range(5)):
                found.append(number)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert found == [0, 1]


def _lose_at_two(number: int) -> int:
    if number == 2:
        work(("lose an interrupt", 0))
    return number


# -------------------------------------------------------------------------------------- executors


def test_an_executor_that_never_answers_is_given_up():
    with futures.ThreadPoolExecutor(1) as threads:
        crew = FuturesCrew(work, threads, 1, patience=lambda piece: 0.5)
        crew.submit(0, ("sleep", 4))
        start = time.monotonic()
        assert crew.collect(0.1) == []
        with pytest.raises(StoppedError, match=r"no worker has answered for 0.*finished runs are"):
            crew.collect()
        assert time.monotonic() - start < 3.5
        crew.close(at_once=True)


def test_errors_in_an_executor_come_back_as_they_were():
    with futures.ThreadPoolExecutor(2) as threads:
        found = do(FuturesCrew(work, threads, 2), [("raise", KeyError("x")), 1])
    assert isinstance(found[0].error, KeyError)
    assert found[1] == 1


def test_a_broken_executor_loses_what_it_had():
    with futures.ProcessPoolExecutor(1) as processes:
        crew = FuturesCrew(work, processes, 1)
        crew.submit(0, ("exit", 3))
        [(number, result)] = crew.collect(30)
        assert number == 0
        assert isinstance(result, Lost)
        assert "BrokenProcessPool" in result.reason
        with pytest.raises(StoppedError, match="finished runs are kept"):
            crew.submit(1, 1)


def test_deaths_and_losses_are_told_apart():
    def lost(error: BaseException) -> str | None:
        return "start it again" if isinstance(error, ConnectionError) else None

    with futures.ThreadPoolExecutor(1) as threads:
        crew = FuturesCrew(work, threads, 1, lost, deaths=(KeyError,))
        assert isinstance(do(crew, [("raise", KeyError("worker 3"))])[0], Lost)
        crew.submit(0, ("raise", ConnectionError("gone")))
        with pytest.raises(InputError, match="start it again"):
            crew.collect(30)


def test_closing_an_executors_crew_leaves_the_executor_to_its_owner():
    with futures.ThreadPoolExecutor(1) as threads:
        crew = FuturesCrew(work, threads, 1)
        for number in range(5):
            crew.submit(number, ("sleep", 0.8))
        start = time.monotonic()
        crew.close(at_once=True)
        assert threads.submit(work, 7).result(timeout=30) == 7
        assert time.monotonic() - start < 3, "pieces that were not begun are cancelled"
