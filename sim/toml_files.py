"""Reading TOML files and ``a.b=c`` overrides into nested tables."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from sim.errors import InputError


def read_toml(
    path: str | Path, what: str = "scenario", cure: str = "`vouch init` writes a starter scenario"
) -> dict[str, Any]:
    """A TOML file as nested tables; InputError names the file and line if it cannot be read.

    what : the kind of file, for messages. cure : what to do where there is none.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; {cure}") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; name the {what} file in it") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a UTF-8 text file; a {what} file is TOML") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL character in the name
        raise InputError(f"{str(path)!r} cannot be read: {error}") from None
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid TOML: {error}") from None


def parse_override(text: str) -> tuple[list[str], Any]:
    """The dotted path and the value of ``a.b.c=value``; what is not TOML is taken as text."""
    name, sign, value = text.partition("=")
    parts = [part.strip() for part in name.split(".")]
    if not sign or not all(parts):
        raise InputError(
            f"--set {text}: write it as section.field=value, such as population.size=1000"
        )
    try:
        return parts, tomllib.loads(f"value = {value.strip()}")["value"]
    except (ValueError, RecursionError):
        return parts, value.strip()


def apply_override(table: dict[str, Any], text: str) -> None:
    """Change one value of a nested table in place; sections are made, list items go by number."""
    parts, value = parse_override(text)
    place: Any = table
    for depth, part in enumerate(parts[:-1]):
        place = _enter(place, part, f"--set {text}", ".".join(parts[: depth + 1]))
    if isinstance(place, list):
        place[_list_index(place, parts[-1], f"--set {text}", ".".join(parts))] = value
    else:
        place[parts[-1]] = value


def _enter(place: Any, part: str, where: str, name: str) -> Any:
    if isinstance(place, list):
        inner = place[_list_index(place, part, where, name)]
    elif part == "products" and part not in place:
        inner = place.setdefault(part, [{}])
    else:
        inner = place.setdefault(part, {})
    if not isinstance(inner, dict | list):
        raise InputError(f"{where}: {name} is a value, not a section")
    return inner


def _list_index(items: list[Any], part: str, where: str, name: str) -> int:
    if not part.isdecimal() or int(part) >= len(items):
        raise InputError(f"{where}: {name} needs an item number from 0 to {len(items) - 1}")
    return int(part)
