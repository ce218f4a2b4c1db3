"""Named arrays in one file that opens at once: an uncompressed .npz, mapped into memory.

``numpy.load`` reads the file as any other .npz. Here its members lie at multiples of 64 bytes, so
that they can be used where they stand: nothing is copied, pages are fetched as they are needed,
and processes that open the same file share them.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

_ALIGNMENT = 64
_LOCAL_HEADER = 30  # bytes, without name and extra fields
_LONG_SIZES = 20  # bytes of the extra field for sizes beyond 4 GB
_PADDING = 0xD935  # the kind of extra field that zip files use for alignment


def save_arrays(file: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write ``arrays`` to ``file``, which appears only once it is whole."""
    waiting = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with waiting.open("wb") as stream, zipfile.ZipFile(stream, "w") as archive:
            for name, array in arrays.items():
                info = zipfile.ZipInfo(f"{name}.npy")
                before = stream.tell() + _LOCAL_HEADER + len(info.filename) + _LONG_SIZES + 4
                padding = -before % _ALIGNMENT
                info.extra = struct.pack("<HH", _PADDING, padding) + bytes(padding)
                with archive.open(info, "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
        waiting.replace(file)
    finally:
        waiting.unlink(missing_ok=True)


def open_arrays(file: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, mapped where they are neither compressed nor out of line.

    They may be written to; the file stays as it is. Every checksum is compared.
    A file must not be cut short in place while its arrays are in use: the system ends a process
    (SIGBUS) that reads mapped memory beyond the end. :func:`save_arrays` puts a new file in the
    place of the old one, which goes on to exist for those who have it open.

    Raises
    ------
    OSError, ValueError, EOFError, zipfile.BadZipFile
        If the file cannot be read, is cut off or damaged.
    """
    try:
        return _opened(file)
    except (struct.error, KeyError, RuntimeError) as error:
        # A place beyond the end, an unknown form of array; what zipfile says of a member that is
        # packed or encrypted in a way it cannot undo (NotImplementedError is a RuntimeError).
        raise ValueError(f"its directory is damaged ({error})") from error


def _opened(file: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive, file.open("rb") as stream:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        return {
            info.filename.removesuffix(".npy"): (
                _mapped(content, stream, info)
                if info.compress_type == zipfile.ZIP_STORED
                else _unpacked(archive, info)
            )
            for info in archive.infolist()
        }


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _mapped(content: mmap.mmap, stream: BinaryIO, info: zipfile.ZipInfo) -> np.ndarray:
    """The array of one member, a view of ``content`` if it is aligned."""
    name, extra = struct.unpack_from("<HH", content, info.header_offset + _LOCAL_HEADER - 4)
    begin = info.header_offset + _LOCAL_HEADER + name + extra
    end = begin + info.file_size
    if end > len(content) or zlib.crc32(memoryview(content)[begin:end]) != info.CRC:
        raise ValueError(f"the checksum of {info.filename} differs")
    stream.seek(begin)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(stream)]
    shape, by_column, dtype = read_header(stream)
    count = math.prod(shape)
    if dtype.hasobject or (by_column and len(shape) > 1):
        raise ValueError(f"{info.filename} is not a plain array")
    if stream.tell() + count * dtype.itemsize != end:
        raise ValueError(f"{info.filename} has not the length that it states")
    if count == 0:
        return np.empty(shape, dtype)
    array = np.frombuffer(content, dtype, count, stream.tell()).reshape(shape)
    return array if array.flags.aligned else array.copy()
