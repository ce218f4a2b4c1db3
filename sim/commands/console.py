"""What is printed where, and how a command ends.

Results go to standard output, everything else to standard error. Wrong input ends a command with
exit code 2 and one line, a fault of the program with 1, an interrupt with 130.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TextIO, TypeVar

import typer

from sim.errors import InputError, InputWarning

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]

DEBUG_VARIABLE = "VOUCH_DEBUG"
WRONG_INPUT, FAULT, INTERRUPTED = 2, 1, 130


def one_line(text: str) -> str:
    """A text without line breaks."""
    return " ".join(text.split())


def fail(message: str, code: int) -> NoReturn:
    """Print one line on standard error and end with an exit code."""
    print(f"vouch: error: {one_line(message)}", file=sys.stderr)
    raise typer.Exit(code)


def guarded(command: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A command whose errors end it with one line and the right exit code."""

    @functools.wraps(command)
    def wrapper(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        with _warnings_in_one_line():
            try:
                return command(*arguments, **options)
            except typer.Exit:
                raise
            except InputError as error:
                fail(str(error), WRONG_INPUT)
            except KeyboardInterrupt as error:
                fail(f"interrupted: {str(error) or 'nothing new is kept'}", INTERRUPTED)
            except BrokenPipeError:
                # The reader of a pipe, such as head, has seen enough.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(FAULT) from None
            except Exception as error:
                if os.environ.get(DEBUG_VARIABLE):
                    raise
                what = f"{type(error).__name__}: {error}"
                fail(f"{what} ({DEBUG_VARIABLE}=1 shows where it happened)", FAULT)

    return wrapper


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Print each InputWarning once, as one line on standard error."""
    said: set[str] = set()
    usual = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if not issubclass(category, InputWarning):
            usual(message, category, filename, lineno, file, line)
        elif str(message) not in said:
            said.add(str(message))
            print(f"vouch: warning: {one_line(str(message))}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        warnings.showwarning = show
        yield


@dataclass(frozen=True)
class Output:
    """What a command says: tables, or one JSON document, or nothing."""

    quiet: bool = False
    as_json: bool = False

    def show(self, *parts: RenderableType) -> None:
        """Print tables and texts on standard output, unless JSON or nothing was asked for."""
        if not (self.quiet or self.as_json):
            console = _console(sys.stdout)
            for part in parts:
                console.print(part)

    def result(self, document: Any) -> None:
        """Print the JSON document, if it was asked for."""
        if self.as_json:
            from sim.studies.files import as_json

            print(as_json(document))

    @contextlib.contextmanager
    def progress(self, what: str) -> Iterator[Progress | None]:
        """A function (done, total) that shows progress on standard error; None when quiet."""
        if self.quiet:
            yield None
        elif sys.stderr.isatty():
            with _bar(what) as update:
                yield update
        else:
            yield _lines(what)


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False, soft_wrap=False)


@contextlib.contextmanager
def _bar(what: str) -> Iterator[Progress]:
    from rich import progress

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    # Without its own thread, so that worker processes are forked from a single thread.
    shown = progress.Progress(
        *columns, console=_console(sys.stderr), auto_refresh=False, transient=True
    )
    with shown:
        task = shown.add_task(what, total=None)

        def update(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total, refresh=True)

        yield update


def _lines(what: str) -> Progress:
    """Progress for a log: a line whenever another quarter is done."""
    last = 0

    def update(done: int, total: int) -> None:
        nonlocal last
        quarter = 4 * done // total
        if quarter > last:
            print(f"vouch: {done:,} of {total:,} {what}", file=sys.stderr)
        last = quarter

    return update
