"""A small scenario whose three policies are compared in a moment."""

from __future__ import annotations

import sim

SCENARIO = sim.Scenario.from_table(
    {
        "name": "tiny",
        "days": 20,
        "population": {"size": 200},
        "network": {"kind": "watts_strogatz", "mean_degree": 8},
        "campaign": {"organic_visits": 0.1},
        "policies": {
            "none": {},
            "ten_percent": {"scheme": "percentage", "rate": 0.1},
            "give_get": {"scheme": "two_sided", "give": 5, "get": 5},
        },
    }
)
