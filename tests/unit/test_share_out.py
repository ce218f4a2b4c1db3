"""Pieces of work that threads take: each once, and errors are raised."""

from __future__ import annotations

import threading

import pytest

from sim.threads import share_out


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 100, 1_001])
def test_everything_is_done_once(count, threads):
    done = [0] * count

    def work(pieces):
        for begin, end in pieces:
            assert begin < end
            for k in range(begin, end):
                done[k] += 1

    share_out(work, count, threads)
    assert done == [1] * count


def test_a_thread_that_has_nothing_left_takes_what_another_has_not_begun():
    """One thread waits in its first piece until the other has done all that are left."""
    taken: dict[int, int] = {}
    others_done = threading.Event()

    def work(pieces):
        me = threading.get_ident()
        for begin, _ in pieces:
            taken[begin] = me
            if begin == 0:
                assert others_done.wait(timeout=60)
        others_done.set()

    share_out(work, 320, 2)
    assert len(taken) > 10
    assert [me for begin, me in taken.items() if me == taken[0]] == [taken[0]]


@pytest.mark.parametrize("where", ["first", "last"])
def test_an_error_of_any_thread_is_raised(where):
    caller = threading.get_ident()

    def work(pieces):
        list(pieces)
        if (threading.get_ident() == caller) == (where == "first"):
            raise ValueError(where)

    with pytest.raises(ValueError, match=where):
        share_out(work, 10, 2)


def test_after_an_error_no_other_piece_is_begun():
    caller = threading.get_ident()
    begun = threading.Event()
    raised = threading.Event()
    others = []

    def work(pieces):
        for piece in pieces:
            if threading.get_ident() == caller:
                assert begun.wait(timeout=60)
                threading.Timer(0.2, raised.set).start()
                raise ValueError("no more")
            others.append(piece)
            begun.set()
            assert raised.wait(timeout=60)

    with pytest.raises(ValueError, match="no more"):
        share_out(work, 3_200, 2)
    assert len(others) == 1
