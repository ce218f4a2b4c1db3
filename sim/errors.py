"""The one error a wrong input raises: a message a user can act on, without a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """A scenario, file or argument that cannot be used as it is.

    The message names the file or field, the value, what is allowed and the cure. The command
    line prints it on standard error and exits with code 2.
    """


class InputWarning(UserWarning):
    """An input that can be used but probably does not say what was meant."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A clause such as "; did you mean 'rate'? Allowed: cap, rate" for an unknown name."""
    names = sorted(allowed)
    if not names:
        return "; there is none"
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'?" if close else "."
    return f"{hint} Allowed: {', '.join(names)}"
