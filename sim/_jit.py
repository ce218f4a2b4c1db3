"""The one place numba is configured: how rules and kernels are compiled and cached.

Numba's own disk cache watches only the file a function stands in, so a kernel would go on using
the compiled form of a rule that was edited in another file (numba issue 1833). The cache
folder is therefore named after the content of every source file in this package and the numba
version: an edit anywhere gives a fresh folder.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.registry import cpu_target
from numba.extending import NativeValue, intrinsic, models, register_model, unbox
from numba.np.arrayobj import make_array

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

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


@contextlib.contextmanager
def _only_writer() -> Iterator[None]:
    """Keep other processes from saving meanwhile, where the system and its disk have locks."""
    with contextlib.ExitStack() as stack:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                folder = Path(numba.config.CACHE_DIR)
                folder.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context((folder / "lock").open("w"))
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _save_alone(save: Callable[[Any, Any], None], signature: Any, compiled: Any) -> None:
    """Save the compiled form of a function for one signature.

    Numba reads the list of the forms that are saved, adds one and writes it back. Two processes
    that do so at once for different types give their forms one name, and from then on the function
    would be called in the form of the other types.
    """
    with _only_writer():
        save(signature, compiled)


def _declared(function: Function, **options: bool) -> Function:
    """Compile with what all have in common.

    ``error_model="numpy"`` only removes the zero-division branch; floating-point arithmetic stays
    strictly ordered (no fastmath), so compiled and interpreted results are the same bits.
    """
    made = numba.njit(
        cache=_caching, error_model="numpy", nogil=True, no_cfunc_wrapper=True, **options
    )(function)
    cache = getattr(made, "_cache", None)  # with NUMBA_DISABLE_JIT, `made` is the function itself
    if _caching and cache is not None:
        cache.save_overload = functools.partial(_save_alone, cache.save_overload)
    return made


def rule(function: Function) -> Function:
    """Compile a scalar decision rule; ``rule.py_func`` is the plain function."""
    return _declared(function)


def inlined_rule(function: Function) -> Function:
    """Compile a scalar rule that is always taken into its callers, so that loops can be vectors."""
    return _declared(function, forceinline=True)


kernel = rule
"""Compile a loop over arrays: cached on disk, releasing the interpreter lock while it runs."""


def phase(function: Function) -> Function:
    """Compile a kernel that takes named tuples of arrays and allocates nothing.

    Without reference counts: with them, each call of an inner function counts every array of every
    tuple up and down again, which takes longer than the work.
    """
    return _declared(function, _nrt=False)


def inner(function: Function) -> Function:
    """Compile a function that only phases call, into them.

    Without the wrappers that unpack named tuples for Python, compiling takes half the time.
    """
    return _declared(function, no_cpython_wrapper=True, forceinline=True, _nrt=False)


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


# Many numbers at once -------------------------------------------------------------------------

BYTES, LANES = 64, 16
"""How many bytes :func:`nondigits` looks at, and how many numbers :func:`below`."""

_BITS = ir.IntType(64)


def _lanes_at(context: Any, builder: Any, kinds: Any, values: Any, vector: Any) -> Any:
    """The entries of an array from an index on as one ``vector``; kinds, values : array, index."""
    view = make_array(kinds[0])(context, builder, values[0])
    place = context.cast(builder, values[1], kinds[1], types.intp)
    pointer = cgutils.get_item_pointer(context, builder, kinds[0], view, [place], wraparound=False)
    lanes = builder.load(builder.bitcast(pointer, vector.as_pointer()))
    lanes.align = kinds[0].dtype.bitwidth // 8
    return lanes


def _nondigits(context: Any, array: Any, index: Any) -> Any:
    """Typing and code of :func:`nondigits`."""

    def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), BYTES)
        found = _lanes_at(target, builder, signature.args, values, vector)
        digit = builder.sub(found, ir.Constant(vector, [ord("0")] * BYTES))
        other = builder.icmp_unsigned(">", digit, ir.Constant(vector, [9] * BYTES))
        return builder.bitcast(other, _BITS)

    return types.uint64(array, index), generate


def _nondigits_plain(array: Any, index: Any) -> Any:
    """What :func:`nondigits` does, uncompiled."""
    other = array[index : index + BYTES] - np.uint8(ord("0")) > 9
    return np.packbits(other, bitorder="little").view("<u8")[0]


def _eight(context: Any, array: Any, index: Any) -> Any:
    """Typing and code of :func:`eight`."""

    def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        bytes_ = _lanes_at(target, builder, signature.args, values, ir.VectorType(ir.IntType(8), 8))
        word = builder.bitcast(bytes_, _BITS)
        return word if sys.byteorder == "little" else builder.bswap(word)

    return types.uint64(array, index), generate


def _eight_plain(array: Any, index: Any) -> Any:
    """What :func:`eight` does, uncompiled."""
    return array[index : index + np.uint64(8)].view("<u8")[0]


def _lowest(context: Any, bits: Any) -> Any:
    """Typing and code of :func:`lowest`."""

    def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


def _lowest_plain(bits: Any) -> Any:
    """What :func:`lowest` does, uncompiled."""
    return np.uint64((int(bits) & -int(bits)).bit_length() - 1)


def _below(context: Any, array: Any, index: Any, count: Any, value: Any) -> Any:
    """Typing and code of :func:`below`."""

    def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector, none = ir.VectorType(ir.IntType(32), LANES), ir.IntType(32)(0)
        found = _lanes_at(target, builder, signature.args, values, vector)
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), values[3], none)
        everywhere = builder.shuffle_vector(first, first, ir.Constant(vector, [0] * LANES))
        less = builder.icmp_signed("<", found, everywhere)
        bits = builder.zext(builder.bitcast(less, ir.IntType(LANES)), _BITS)
        counted = builder.sub(builder.shl(_BITS(1), values[2]), _BITS(1))
        return builder.ctpop(builder.and_(bits, counted))

    return types.uint64(array, index, types.uint64, types.int32), generate


def _below_plain(array: Any, index: Any, count: Any, value: Any) -> Any:
    """What :func:`below` does, uncompiled."""
    return np.uint64(np.count_nonzero(array[index : index + count] < value))


nondigits: Any = _nondigits_plain if numba.config.DISABLE_JIT else intrinsic(_nondigits)
"""nondigits(array, index): a uint64 with a bit for each of 64 bytes that is no decimal digit.

The lowest bit is that of ``array[index]``. array : uint8, 1-dimensional and contiguous, with 64
entries from ``index`` on, which is not checked.
"""

eight: Any = _eight_plain if numba.config.DISABLE_JIT else intrinsic(_eight)
"""eight(array, index): the eight bytes from ``index`` on as a uint64, the first its lowest.

array : uint8, 1-dimensional and contiguous, with 8 entries from ``index`` on, which is not checked.
"""

lowest: Any = _lowest_plain if numba.config.DISABLE_JIT else intrinsic(_lowest)
"""lowest(bits): the place of the lowest bit that is set; bits : uint64, not 0."""

below: Any = _below_plain if numba.config.DISABLE_JIT else intrinsic(_below)
"""below(array, index, count, value): how many of ``count`` entries from ``index`` on are smaller.

array : int32, 1-dimensional and contiguous, with 16 entries from ``index`` on, which is not
checked. count : uint64, at most 16.
"""


def uncached_rule(function: Function) -> Function:
    """Compile a user's rule as the built-in ones are, but never to the disk cache."""
    with kernel_cache(use=False):
        return rule(plain(function))


def plain(function: Function) -> Function:
    """The interpreted form of a compiled rule; a plain function is returned as it is."""
    return getattr(function, "py_func", function)


# Calls without unpacking ----------------------------------------------------------------------


class _Packed(types.NamedTuple):  # type: ignore[name-defined]
    """Type of a named tuple that stands ready in memory; Python hands over its address, an int."""

    name: str

    def __init__(self, kind: Any) -> None:
        super().__init__(tuple(kind), kind.instance_class)
        self.name = f"Packed{self.name}"


@unbox(_Packed)
def _from_address(kind: Any, address: Any, c: Any) -> NativeValue:
    """The whole tuple, read from where it stands."""
    place = c.pyapi.long_as_voidptr(address)
    pointer = c.builder.bitcast(place, c.context.get_value_type(kind).as_pointer())
    return NativeValue(c.builder.load(pointer))


@intrinsic
def _put(context: Any, value: Any, address: Any) -> Any:
    """Write ``value`` as compiled code holds it to ``address``."""

    def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.store(values[0], builder.inttoptr(values[1], values[0].type.as_pointer()))
        return target.get_dummy_value()

    return types.void(value, address), generate


def _write(value: Any, address: Any) -> None:
    """Compiled for one kind of tuple at a time."""
    _put(value, address)


register_model(_Packed)(models.TupleModel)


class _Layout:
    """How compiled code holds one kind of named tuple."""

    def __init__(self, value: Any) -> None:
        kind = numba.typeof(value)
        self.kind = _Packed(kind)
        context = cpu_target.target_context
        self.words = -(-context.get_abi_sizeof(context.get_value_type(self.kind)) // 8)
        self.write = cast(Any, phase(_write))
        self.write.compile((kind, types.int64))
        self.write.disable_compile()  # so that it refuses a tuple of another kind


_layouts: dict[Any, _Layout] = {}

_LAYOUT_FLAGS = 0x1 | 0x2 | 0x100 | 0x400
"""NumPy's flags that numba's types tell apart: in C order, in Fortran order, aligned, writeable."""


def _layout_of(value: Any) -> _Layout:
    """The layout of a named tuple, made for the first of its kind."""
    kind = _kind_of(value)
    if kind not in _layouts:
        _layouts[kind] = _Layout(value)
    return _layouts[kind]


def _kind_of(value: Any) -> Any:
    """What compiled code depends on: the same for values that numba gives the same type.

    Asking numba takes a hundred times as long.
    """
    if isinstance(value, np.ndarray):
        dtype = value.dtype  # whose number is the same for either order of bytes
        return dtype.num, dtype.isnative, value.ndim, value.flags.num & _LAYOUT_FLAGS
    if isinstance(value, tuple):
        return type(value), *map(_kind_of, value)
    return type(value)


class Packed:
    """A named tuple of arrays, taken apart for compiled code once instead of at every call.

    Numba checks and unpacks each array of each tuple at each call, which takes 10 to 15 us for the
    tuples of a day: longer than the work in a world of a thousand people.

    value : named tuple of numbers, arrays and such tuples, an example of what :meth:`at` will get.
    """

    __slots__ = ("_address", "_layout", "_room", "_value")

    def __init__(self, value: Any) -> None:
        self._value = value
        self._layout = None if numba.config.DISABLE_JIT else _layout_of(value)
        if self._layout is not None:
            self._room = np.zeros(self._layout.words, np.int64)
            self._address = self._room.ctypes.data
            self._layout.write(value, self._address)

    def __reduce__(self) -> Any:
        # A copy needs room of its own.
        return Packed, (self._value,)

    def at(self, value: Any) -> Any:
        """``value`` as the functions of :func:`ready` take it; TypeError for another kind.

        It is kept until the next call, so its arrays stay where they are.
        """
        if self._layout is None:
            return value
        if value is not self._value:
            self._layout.write(value, self._address)
            self._value = value
        return self._address


def ready(function: Callable, *arguments: Any) -> Callable:
    """A kernel or phase for arguments of these kinds, without the checks of an ordinary call.

    arguments : a :class:`Packed`, or an example, for each. The function returned takes what
    :meth:`Packed.at` gives for the former. It trusts that the others are of the example's kind.
    """
    if numba.config.DISABLE_JIT:
        return function
    compiled = _compiled.setdefault(function, {})
    kinds = tuple(a._layout if isinstance(a, Packed) else _kind_of(a) for a in arguments)
    if kinds not in compiled:
        signature = tuple(
            kind.kind if isinstance(kind, _Layout) else numba.typeof(a)
            for kind, a in zip(kinds, arguments, strict=True)
        )
        compiled[kinds] = function.compile(signature)  # type: ignore[attr-defined]
    return compiled[kinds]


# By kernel, then by the kinds of its arguments. A user's kernel may be forgotten.
_compiled: WeakKeyDictionary[Callable, dict[Any, Callable]] = WeakKeyDictionary()
