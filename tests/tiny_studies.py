"""Studies of tiny worlds, whose runs take milliseconds, and what two of their folders share."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sim.studies.sweeps.design import Design, make_design
from sim.studies.sweeps.study_file import make_study

SCENARIO: dict[str, Any] = {
    "name": "tiny",
    "days": 12,
    "population": {"size": 80},
    "network": {"kind": "ring", "mean_degree": 12},
    "products": [{"price": 20.0, "unit_cost": 8.0, "valuation": 40.0}],
    "campaign": {"organic_visits": 0.1, "initial_customers": 0.5},
    "policies": {
        "none": {},
        "both": {"scheme": "two_sided", "give": 5.0, "get": 5.0},
        "share": {"scheme": "percentage", "rate": 0.1},
    },
}
GIVE = "policies.both.give"
LEARNING = "behavior.share.learning"

# The same study as a file.
STUDY = f"""
replications = 3
[scenario]
name = "tiny"
days = 12
population.size = 80
network = {{kind = "ring", mean_degree = 12}}
products = [{{price = 20.0, unit_cost = 8.0, valuation = 40.0}}]
campaign = {{organic_visits = 0.1, initial_customers = 0.5}}
[scenario.policies]
none = {{}}
both = {{scheme = "two_sided", give = 5.0, get = 5.0}}
share = {{scheme = "percentage", rate = 0.1}}
[points.factors]
{GIVE} = [1.0, 5.0]
[worlds]
design = "sobol"
count = 2
factors = {{"{LEARNING}" = "usual"}}
"""


def study_table(scenario: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Three policies, two points of one of them, two worlds, three replications.

    scenario : sections that take the place of those of :data:`SCENARIO`.
    """
    table: dict[str, Any] = {
        "scenario": SCENARIO | (scenario or {}),
        "replications": 3,
        "points": {"factors": {GIVE: [1.0, 5.0]}},
        "worlds": {"design": "sobol", "count": 2, "factors": {LEARNING: "usual"}},
    }
    return table | changes


ROWS = 3 * 2 * 2 * 3
RUNS = 2 * 3 * (1 + 2 + 1)  # `none` and `share` are the same at both points


def tiny_design(scenario: dict[str, Any] | None = None, **changes: Any) -> Design:
    """The design of :func:`study_table`."""
    return make_design(make_study(study_table(scenario, **changes)))


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of each Parquet file that a study left, by its name."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


def flip_a_byte(path: Path, place: float = 0.5) -> None:
    """Damage a file: another byte at ``place``, a share of its length."""
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 0x55
    path.write_bytes(content)
