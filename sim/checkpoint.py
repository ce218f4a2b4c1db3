"""A run written down between two days, and taken up again, also with another policy.

A class says in ``changing`` which of its attributes a run changes; together they are the whole
state. Everything else is made again from scenario, seed and policies, and all luck is an address,
so a run that is taken up goes on as it would have, to the bit.

The file (:mod:`sim.run_file`) is read without unpickling; the most it can do is name a scheme of
the user's own, as a scenario can. It holds no world: that is made again, and must then have the
sha256 it had.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim import __version__, schemes
from sim._jit import PACKAGE, source_hash
from sim.errors import InputError
from sim.model import ENGINES, Engine, WordOfMouthModel
from sim.orders import Table
from sim.rules import BUILT_IN, Rules
from sim.run_file import RunFile, read_facts, read_run_file, write_run_file
from sim.scenario import Policy, Scenario
from sim.schemes import Scheme, make_scheme
from sim.world import World, make_world, world_seed

FREE = ("name", "days", "currency", "jurisdiction", "compare", "policies")
"""Fields of a scenario that may differ when a run is taken up: no day so far depends on them."""


class Term(NamedTuple):
    """A programme of a run: policy and scheme, and the tick and order id it began with."""

    policy: str
    scheme: Scheme
    first_tick: int
    first_order: int


def save(model: WordOfMouthModel, path: str | Path) -> None:
    """Write a run, as it is between two days, to a file; one that is there is replaced.

    The file appears whole or not at all. Raises :class:`InputError` if it cannot be written.
    """
    arrays: dict[str, np.ndarray] = {}
    kept = _kept(model, "run", arrays)
    facts = {
        "vouch": __version__,
        "code": code_hash(),
        "scenario": model.scenario.to_toml(),
        "seed": model.study_seed,
        "replication": model.replication,
        "tick": model.tick,
        "policy": model.policy,
        "programmes": [
            {**term._asdict(), "scheme": _written(term.scheme)} for term in _terms(model)
        ],
        "rules": _replaced(model.rules),
        "world_sha256": _sha256(model.world, model.study_seed, model.replication),
        "kept": kept,
    }
    write_run_file(Path(path), RunFile(facts, arrays))


def load(
    path: str | Path,
    *,
    scenario: Scenario | None = None,
    engine: Engine = "kernels",
    rules: Rules = BUILT_IN,
    world: World | None = None,
    threads: int = 1,
) -> WordOfMouthModel:
    """The run of a file that :func:`save` wrote, ready for its next day.

    Parameters
    ----------
    path : str or Path
    scenario : Scenario, optional
        The scenario of the run, or one that differs in fields of :data:`FREE` only: with other
        policies to switch to, or another horizon.
    engine : {"kernels", "agents"}
    rules : Rules, optional
        To be given again where the run had rules of the user's own.
    world : World, optional
        To be given again where the run was given one.
    threads : int
        As for :class:`sim.model.WordOfMouthModel`.

    Raises
    ------
    InputError
        If the file is damaged, was written by other code, or does not belong to the scenario, the
        rules or the world.
    """
    facts, arrays = read_run_file(Path(path))
    if facts["code"] != code_hash():
        raise InputError(
            f"{path} was saved by other code (vouch {facts['vouch']}, {facts['code'][:8]}) than "
            f"this (vouch {__version__}, {code_hash()[:8]}), which could go on otherwise; use that "
            "version, or run it again from day 0"
        )
    saved = Scenario.from_table(tomllib.loads(facts["scenario"]))
    if scenario is None:
        scenario = saved
    _check_scenario(path, saved, scenario, facts["tick"])
    if facts["rules"] != _replaced(rules):
        raise InputError(
            f"{path} was run with rules of its own for {_listed(facts['rules'])}, and is to go on "
            f"with such for {_listed(_replaced(rules))}; give the same rules"
        )
    seed, replication = facts["seed"], facts["replication"]
    own = make_world(scenario, world_seed(seed, replication)) if world is None else world
    if facts["world_sha256"] != _sha256(own, seed, replication):
        raise InputError(
            f"{path} was run in another network, or with other people; give the world it was run "
            f"in, or restore network.file = {scenario.network.file}"
        )
    terms = [
        Term(**{**term, "scheme": make_scheme(Policy(**term["scheme"]), term["policy"])})
        for term in facts["programmes"]
    ]
    model = _model(
        scenario,
        terms,
        seed=seed,
        replication=replication,
        engine=engine,
        rules=rules,
        world=own,
        threads=threads,
    )
    _restored(model, facts["kept"], arrays)
    model.policy = facts["policy"]
    model.resume()
    return model


def scenario_of(path: str | Path) -> Scenario:
    """The scenario of a saved run. Raises :class:`InputError` if the file cannot be read."""
    return Scenario.from_table(tomllib.loads(read_facts(Path(path))["scenario"]))


def branch(
    model: WordOfMouthModel, policy: str | Policy | Scheme | None = None
) -> WordOfMouthModel:
    """Another run that goes on from the day of ``model``, with another policy if one is given.

    Both have the same past, and the same luck to come. ``model`` is not changed. What a change of
    policy means: :meth:`sim.model.WordOfMouthModel.switch`. Raises :class:`InputError` if the
    policy cannot be used.
    """
    arrays: dict[str, np.ndarray] = {}
    kept = _kept(model, "run", arrays)
    seed = _seed(model.world, model.study_seed, model.replication)
    other = _model(
        model.scenario, _terms(model), seed=model.study_seed, replication=model.replication,
        engine=_engine(model), rules=model.rules,
        world=World(model.world.graph, model.world.people, model.state, seed),
    )  # fmt: skip
    _restored(other, kept, arrays)
    other.policy = model.policy
    other.resume()
    if policy is not None:
        other.switch(policy)
    return other


def code_hash() -> str:
    """Names the code a run depends on: this package's, its schemes' and the version of numba."""
    return source_hash() + source_hash(PACKAGE / "schemes")


# --------------------------------------------------------------------------- what a run changes


def _kept(value: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """What a run changes of ``value`` as plain values; arrays go to ``arrays`` by their path."""
    if hasattr(type(value), "changing"):
        value = {name: getattr(value, name) for name in value.changing}
        return {"fields": {name: _kept(v, f"{path}/{name}", arrays) for name, v in value.items()}}
    if isinstance(value, Table):
        columns = value.columns().items()
        return {"fields": {name: _kept(v, f"{path}/{name}", arrays) for name, v in columns}}
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {"array": path}
    if hasattr(value, "_asdict"):
        columns = value._asdict().items()
        return {"fields": {name: _kept(v, f"{path}/{name}", arrays) for name, v in columns}}
    if isinstance(value, dict):
        return {"pairs": [[k, _kept(v, f"{path}/{k}", arrays)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return [_kept(item, f"{path}/{place}", arrays) for place, item in enumerate(value)]
    return value


def _restored(value: Any, kept: Any, arrays: dict[str, np.ndarray]) -> Any:
    """What was kept of ``value``, which is of a new run. Objects and arrays stay the same ones."""
    if isinstance(kept, list):
        before = value if value and len(value) == len(kept) else [None] * len(kept)
        items = [_restored(*pair, arrays) for pair in zip(before, kept, strict=True)]
        return tuple(items) if isinstance(value, tuple) else items
    if not isinstance(kept, dict):
        return kept
    if "array" in kept:
        return _filled(value, arrays[kept["array"]])
    if "pairs" in kept:
        names = {name: name for name in value}  # JSON knows numbers, not the members of an enum
        return {
            names.get(key, key): _restored(value.get(key), item, arrays)
            for key, item in kept["pairs"]
        }
    if isinstance(value, Table):
        value.replace({name: arrays[item["array"]] for name, item in kept["fields"].items()})
        return value
    found = {
        name: _restored(getattr(value, name), item, arrays) for name, item in kept["fields"].items()
    }
    if hasattr(value, "_asdict"):
        return type(value)(**found)
    for name, item in found.items():
        setattr(value, name, item)
    return value


def _filled(value: Any, array: np.ndarray) -> np.ndarray:
    """The array ``value`` with what is in ``array``, or a copy where there is none of its size."""
    if isinstance(value, np.ndarray) and value.shape == array.shape:
        value[...] = array
        return value
    return array.copy()


def _terms(model: WordOfMouthModel) -> list[Term]:
    """The programmes of a run so far, oldest first."""
    return [
        Term(
            programme.where.removeprefix("policies."), programme.scheme, programme.first_tick,
            programme.first_order,
        )
        for programme in model.programme.lineage
    ]  # fmt: skip


def _model(scenario: Scenario, terms: list[Term], **options: Any) -> WordOfMouthModel:
    """A new run with the programmes that another one had."""
    first, *later = terms
    model = WordOfMouthModel(scenario, policy=first.scheme, **options)
    model.programme.where = f"policies.{first.policy}"
    for policy, scheme, tick, order in later:
        programme = model.programme.succeed(scheme, f"policies.{policy}", tick, order)
        model.adopt(policy, programme)
    return model


def _engine(model: WordOfMouthModel) -> str:
    """The name of the engine of a run."""
    return next(name for name, kind in ENGINES.items() if type(model.engine) is kind)


# ------------------------------------------------------------------------------ what must agree


def _written(scheme: Scheme) -> dict[str, Any]:
    """A scheme as a scenario would name it, with its parameters."""
    kind = type(scheme)
    is_built_in = kind.__module__.startswith(f"{schemes.__name__}.")
    name = kind.name if is_built_in else f"{kind.__module__}:{kind.__qualname__}"
    return {**scheme.as_policy().parameters, "scheme": name}


def _replaced(rules: Rules) -> list[str]:
    """Names of the rules that are not the built-in ones."""
    return [slot for slot in Rules._fields if getattr(rules, slot) is not getattr(BUILT_IN, slot)]


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"


def _seed(world: World, seed: int, replication: int) -> int:
    """The seed of what a run draws of its world."""
    return world_seed(seed, replication) if world.seed is None else world.seed


def _sha256(world: World, seed: int, replication: int) -> str:
    """Names a world: its ties, its people and its seed."""
    digest = hashlib.sha256(str(_seed(world, seed, replication)).encode())
    for part in (world.graph.arrays, world.people):
        for name, array in part._asdict().items():
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _check_scenario(path: str | Path, saved: Scenario, given: Scenario, tick: int) -> None:
    """Raise InputError unless a run of ``saved``, at ``tick``, can go on as one of ``given``."""
    differing = next(_differences(saved.to_table(), given.to_table()), None)
    if differing is not None:
        name, was, now = differing
        raise InputError(
            f"{path} was saved with {name} = {was}, and the scenario has {now}; only "
            f"{', '.join(FREE[:-1])} and {FREE[-1]} can change in mid-run"
        )
    if given.ticks < tick:
        raise InputError(
            f"{path} has reached day {tick * given.dt:g}, and days = {given.days:g} is before; "
            "raise days"
        )


def _differences(
    one: dict[str, Any], other: dict[str, Any], path: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Dotted names of the fields that differ, with both values; those of FREE aside."""
    for name in one | other:
        was, now = one.get(name), other.get(name)
        if isinstance(was, dict) and isinstance(now, dict) and (path or name not in FREE):
            yield from _differences(was, now, f"{path}{name}.")
        elif was != now and (path or name not in FREE):
            yield f"{path}{name}", was, now
