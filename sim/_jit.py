"""The one place numba is configured: how rules and kernels are compiled and cached.

Numba's own disk cache watches only the file a function stands in, so a kernel would go on using
the compiled form of a rule that was edited in another file (numba issue 1833). The cache
folder is therefore named after the content of every source file in this package and the numba
version: an edit anywhere gives a fresh folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic
from numba.np.arrayobj import make_array

Function = TypeVar("Function", bound=Callable)

PACKAGE = Path(__file__).parent
CACHE_VARIABLE = "VOUCH_CACHE_DIR"


def source_hash(folder: Path = PACKAGE) -> str:
    """First 16 hex digits of the sha256 of numba's version and the sources kernels depend on."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(set(folder.glob("*.py")) - {folder / "cli.py", folder / "__init__.py"}):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled code is kept: $VOUCH_CACHE_DIR, the user's cache, or a temporary folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    for parent in filter(None, (chosen, os.path.join(home, "vouch"))):
        folder = Path(parent) / source_hash()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"vouch-{user}" / source_hash()


numba.config.CACHE_DIR = str(cache_folder())


_caching = True


@contextlib.contextmanager
def kernel_cache(use: bool) -> Iterator[None]:
    """While this holds, kernels and rules are declared with the disk cache, or without it."""
    global _caching
    before, _caching = _caching, use
    try:
        yield
    finally:
        _caching = before


def rule(function: Function) -> Function:
    """Compile a scalar decision rule; ``rule.py_func`` is the plain function.

    ``error_model="numpy"`` only removes the zero-division branch; floating-point arithmetic stays
    strictly ordered (no fastmath), so compiled and interpreted results are the same bits.
    """
    return numba.njit(cache=_caching, error_model="numpy", nogil=True, no_cfunc_wrapper=True)(
        function
    )


def inlined_rule(function: Function) -> Function:
    """Compile a scalar rule that is always taken into its callers, so that loops can be vectors."""
    return numba.njit(
        cache=_caching, error_model="numpy", nogil=True, no_cfunc_wrapper=True, forceinline=True
    )(function)


kernel = rule
"""Compile a loop over arrays: cached on disk, releasing the interpreter lock while it runs."""


def phase(function: Function) -> Function:
    """Compile a kernel that takes named tuples of arrays and allocates nothing.

    Without reference counts: with them, each call of an inner function counts every array of every
    tuple up and down again, which takes longer than the work.
    """
    return numba.njit(
        cache=_caching, error_model="numpy", nogil=True, no_cfunc_wrapper=True, _nrt=False
    )(function)


def inner(function: Function) -> Function:
    """Compile a function that only phases call, into them.

    Without the wrappers that unpack named tuples for Python, compiling takes half the time.
    """
    return numba.njit(
        cache=_caching,
        error_model="numpy",
        nogil=True,
        no_cfunc_wrapper=True,
        no_cpython_wrapper=True,
        forceinline=True,
        _nrt=False,
    )(function)


def _prefetch(context: Any, array: Any, index: Any) -> Any:
    """Typing and code of :func:`prefetch`, one processor instruction."""
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])

    def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        view = make_array(signature.args[0])(target, builder, values[0])
        place = target.cast(builder, values[1], signature.args[1], types.intp)
        pointer = cgutils.get_item_pointer(
            target, builder, signature.args[0], view, [place], wraparound=False
        )
        call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        # To be read soon, by this core, as data.
        builder.call(call, [builder.bitcast(pointer, byte), word(0), word(3), word(1)])
        return target.get_dummy_value()

    return types.void(array, index), generate


def _no_prefetch(array: Any, index: Any) -> None:
    """Uncompiled, a hint to the processor is nothing."""


prefetch: Any = _no_prefetch if numba.config.DISABLE_JIT else intrinsic(_prefetch)
"""prefetch(array, index): have ``array[index]`` fetched while other work goes on.

Changes no result. Beyond the caches a load takes as long as a hundred additions, but many can be
under way at once. array : 1-dimensional. index : within it, not checked.
"""


def uncached_rule(function: Function) -> Function:
    """Compile a user's rule as the built-in ones are, but never to the disk cache."""
    with kernel_cache(use=False):
        return rule(plain(function))


def plain(function: Function) -> Function:
    """The interpreted form of a compiled rule; a plain function is returned as it is."""
    return getattr(function, "py_func", function)
