"""Comparison: the runs of several policies and what the differences between them say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.disclosure import attribution_error
from sim.errors import InputError, nearest
from sim.measures import MEASURES
from sim.model import Engine, policy_scheme
from sim.scenario import Scenario
from sim.studies import comparison_files, files
from sim.studies.abuse import rules_finding
from sim.studies.bimodality import two_modes
from sim.studies.flags import Facts, Flag, gravest_first, policy_flags
from sim.studies.multiple import Standings, gains_beyond, standings
from sim.studies.replicate import Replication
from sim.studies.statistics import (
    Interval,
    better_share,
    mean_interval,
    paired_difference,
    probability_of_best,
    ratio_of_means,
    variance_ratio,
)
from sim.studies.verdict import Verdict, cost_per_order, verdict
from sim.studies.wording import LOWER_IS_BETTER, column_digits, figure, label, policy_text
from sim.twins import TWIN_MEASURES

if TYPE_CHECKING:
    import pandas as pd

MAIN_MEASURES = (
    "orders", "new_customers", "revenue_cents", "net_revenue_cents", "payout_cents",
    "discount_cents", "profit_cents", "referred_orders", "members_end", "retention_d30",
    "incremental_orders", "accelerated_orders", "cannibalised_orders", "incremental_cac_cents",
    "roi",
)  # fmt: skip
"""Columns of :meth:`Comparison.table`."""

SHORT_MEASURES = (
    "orders", "new_customers", "net_revenue_cents", "payout_cents", "discount_cents",
    "profit_cents",
)  # fmt: skip
"""Columns of a comparison when it is printed."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """The runs of a comparison and what they say.

    scenario : resolved, with every policy that ran. policies : names, in order. baseline : the
    policy the others are compared with; its runs are there even if it is not listed. workers,
    seconds : how it was computed, without influence on the result. interrupted : whether it was
    stopped early; the replications are then the first ones. labels : the people's own ids (N,),
    where the network comes from a file that has them. rules : what each rule against abuse saves
    under :attr:`best_paid`, where it was tried: columns policy, replications, and those of
    :func:`sim.studies.abuse.what_each_rule_saves`.
    """

    scenario: Scenario
    policies: tuple[str, ...]
    baseline: str
    engine: Engine
    workers: int
    seconds: float
    interrupted: bool
    warnings: tuple[str, ...]
    runs: tuple[Replication, ...]
    labels: np.ndarray | None = None
    rules: pd.DataFrame | None = None

    def __repr__(self) -> str:
        """The verdict and the means of the policies."""
        import pandas as pd

        columns = {}
        for measure in SHORT_MEASURES:
            means = [float(self.values(name, measure).mean()) for name in self.policies]
            digits = column_digits(measure, means)
            columns[label(measure)] = [figure(measure, mean, digits=digits) for mean in means]
        table = pd.DataFrame(columns, index=list(map(policy_text, self.policies))).to_string()
        means_of = f"Means of {self.replications} runs, in {self.scenario.currency}"
        return f"{self.verdict()}\n\n{means_of}\n{table}"

    @property
    def replications(self) -> int:
        """Runs per policy."""
        return len(self.runs)

    @property
    def objective(self) -> str:
        """The outcome the verdict is about."""
        return self.scenario.compare.objective

    @property
    def rivals(self) -> tuple[str, ...]:
        """The policies other than the baseline."""
        return tuple(name for name in self.policies if name != self.baseline)

    @property
    def best_paid(self) -> str | None:
        """The policy with the best mean objective of those that cost anything, None without one."""
        spent = ("payout_cents", "discount_cents")
        paid = [name for name in self.policies if any(self.values(name, m).any() for m in spent)]
        return max(paid, key=lambda name: self.values(name, self.objective).mean(), default=None)

    @property
    def rules_finding(self) -> str | None:
        """What the rules against abuse come to, in one sentence, where they were tried."""
        if self.rules is None:
            return None
        return rules_finding(self.rules, self.rules["policy"].iloc[0], self.scenario.currency)

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """A row per run, by policy and replication: the measures, then those against the twin."""
        import pandas as pd

        rows = [
            {"policy": name, "replication": run.number, **run.runs[name].outcomes}
            for name in self.policies
            for run in self.runs
        ]
        return pd.DataFrame(rows)

    @cached_property
    def daily(self) -> pd.DataFrame:
        """A row per policy, replication and day: the columns of :data:`sim.measures.DAILY`."""
        return comparison_files.stacked(
            {name: [run.runs[name].daily for run in self.runs] for name in self.policies}
        )

    @cached_property
    def _values(self) -> dict[str, dict[str, np.ndarray]]:
        """Outcomes by policy and measure, float64 (replications,); the baseline is always there."""

        def columns(outcomes: Sequence[Mapping[str, float | int]]) -> dict[str, np.ndarray]:
            return {
                name: np.array([row[name] for row in outcomes], np.float64) for name in outcomes[0]
            }

        values = {
            name: columns([run.runs[name].outcomes for run in self.runs]) for name in self.policies
        }
        if self.baseline not in values:
            values[self.baseline] = columns([run.twin_outcomes for run in self.runs])
        return values

    def values(self, policy: str, measure: str) -> np.ndarray:
        """A measure of every run of a policy, float64 (replications,); InputError if unknown."""
        if policy not in self._values:
            raise InputError(f"there is no policy '{policy}'{nearest(policy, self._values)}")
        self._check_measure(measure)
        return self._values[policy][measure]

    @staticmethod
    def _check_measure(measure: str) -> None:
        known = (*MEASURES, *TWIN_MEASURES)
        if measure not in known:
            raise InputError(f"there is no measure '{measure}'{nearest(measure, known)}")

    def interval(self, policy: str, measure: str) -> Interval:
        """The mean of a measure over the runs of a policy with its interval.

        ``roi`` is the mean profit beyond the baseline's over the mean spending, not the mean of
        the runs' returns, which single runs with little spending would rule; and
        ``incremental_cac_cents`` the mean spending over the mean of additional new customers, which
        leaves no run out, nan where there are none on average.
        """
        if measure not in ("roi", "incremental_cac_cents"):
            return mean_interval(self.values(policy, measure))
        spent = self.values(policy, "payout_cents") + self.values(policy, "discount_cents")
        gained = "profit_cents" if measure == "roi" else "new_customers"
        gain = self.values(policy, gained) - self.values(self.baseline, gained)
        if measure == "roi":
            return ratio_of_means(gain, spent)
        return ratio_of_means(spent, gain) if gain.mean() > 0 else mean_interval(np.empty(0))

    def table(self) -> pd.DataFrame:
        """A row per policy: for each main measure its mean, ``_sd``, ``_low`` and ``_high``.

        See :meth:`interval`.
        """
        import pandas as pd

        rows = {}
        for name in self.policies:
            row = {}
            for measure in MAIN_MEASURES:
                found = self.interval(name, measure)
                row[measure] = found.mean
                row |= {f"{measure}_{part}": getattr(found, part) for part in ("sd", "low", "high")}
            rows[name] = row
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")

    def differences(self, measure: str = "profit_cents") -> pd.DataFrame:
        """A row per policy other than the baseline: the paired difference from it in ``measure``.

        Columns: mean, low and high of the 95 % paired t interval, each for itself (see
        :meth:`gains` for those that hold together); better_share, the share of
        replications in which the policy is better; probability_of_best, see
        :meth:`probability_of_best`; half_width of the interval; replications in which both are
        numbers; sd of their differences; variance_ratio, see
        :func:`sim.studies.statistics.variance_ratio`.
        """
        import pandas as pd

        best = self.probability_of_best(measure)
        rows = {name: self.difference(name, measure) for name in self.rivals}
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")
        table.insert(4, "probability_of_best", [best[name] for name in self.rivals])
        return table

    def difference(self, policy: str, measure: str) -> dict[str, float]:
        """The row of ``policy`` in :meth:`differences`, without the probability of being best."""
        values, twin = self.values(policy, measure), self.values(self.baseline, measure)
        found = paired_difference(values, twin)
        return {
            "mean": found.mean,
            "low": found.low,
            "high": found.high,
            "better_share": better_share(values, twin, measure in LOWER_IS_BETTER),
            "half_width": found.half_width,
            "replications": found.replications,
            "sd": found.sd,
            "variance_ratio": variance_ratio(values, twin),
        }

    def gains(self, measure: str | None = None) -> dict[str, Interval]:
        """What each other policy has beyond the baseline (default: in the objective), by name.

        The 95 % intervals all hold together, so also that of the policy that did best; those of
        :meth:`differences` hold for a policy that was named before it was run. A replication in
        which any policy has no number is left out.
        """
        measure = self.objective if measure is None else measure
        names = dict.fromkeys((*self.policies, self.baseline))
        values = {name: self.values(name, measure) for name in names}
        return gains_beyond(values, self.baseline, self.scenario.seed)

    def ranking(self, measure: str | None = None) -> Standings:
        """Which policies can be told apart (default: by the objective), all of them together.

        The baseline competes whether it is listed or not.
        """
        measure = self.objective if measure is None else measure
        names = dict.fromkeys((*self.policies, self.baseline))
        return standings(
            {name: self.values(name, measure) for name in names},
            self.scenario.seed,
            lower_is_better=measure in LOWER_IS_BETTER,
        )

    def probability_of_best(self, measure: str | None = None) -> dict[str, float]:
        """Probability of each listed policy to have the best mean (default: of the objective).

        The baseline competes whether it is listed or not.
        """
        measure = self.objective if measure is None else measure
        names = dict.fromkeys((*self.policies, self.baseline))
        table = np.column_stack([self.values(name, measure) for name in names])
        found = probability_of_best(
            table, self.scenario.seed, lower_is_better=measure in LOWER_IS_BETTER
        )
        # An unlisted baseline comes last.
        return dict(zip(self.policies, found.tolist(), strict=False))

    @cached_property
    def judgement(self) -> Verdict:
        """The verdict with its kind and the best policy."""
        order = sorted(self._values, key=lambda name: (name != self.baseline, name))
        listed = self.policies if self.baseline in self.policies else order
        return verdict(
            {name: self._values[name] for name in listed},
            baseline=self.baseline,
            objective=self.objective,
            currency=self.scenario.currency,
            probability=self.probability_of_best(),
            ranking=self.standing,
            gains={measure: self.gains(measure) for measure in {self.objective, "orders"}},
        )

    @cached_property
    def standing(self) -> Standings:
        """The :meth:`ranking` by the objective."""
        return self.ranking()

    def verdict(self) -> str:
        """What the comparison comes to, in one sentence."""
        return self.judgement.sentence

    def precision_reached(self) -> float:
        """Widest half width in the objective, as a share of the baseline's mean."""
        precision = self.scenario.compare.precision
        rivals = [self.values(name, self.objective) for name in self.rivals]
        return precision * widest_excess(
            rivals, self.values(self.baseline, self.objective), precision
        )

    def cost_per_order(self, policy: str) -> float:
        """Mean spending beyond the baseline's per mean order beyond it, in cents; nan without."""
        return cost_per_order(self._values[policy], self._values[self.baseline])

    @cached_property
    def income_disclosure(self) -> pd.DataFrame:
        """A row per policy: the means over runs of :func:`sim.disclosure.income_disclosure`."""
        return self._means_of("income")

    @cached_property
    def abuse(self) -> pd.DataFrame:
        """A row per policy: the means over runs of :func:`sim.opportunists.attack_summary`.

        Without rows where the scenario has no opportunists.
        """
        return self._means_of("abuse")

    def _means_of(self, kind: str) -> pd.DataFrame:
        """Means over runs, those that are not known left out, of a dict kept of every run."""
        import pandas as pd

        rows = {
            name: pd.DataFrame(kept).mean()
            for name in self.policies
            if all(kept := [getattr(run.runs[name], kind) for run in self.runs])
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")

    @cached_property
    def attribution(self) -> pd.DataFrame:
        """A row per policy other than the baseline: its :class:`sim.disclosure.AttributionError`.

        Counts are means over runs; precision and recall are ratios of such means.
        """
        import pandas as pd

        rows = {
            name: attribution_error(
                {measure: self.interval(name, measure).mean for measure in TWIN_MEASURES}
            )._asdict()
            for name in self.rivals
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")

    @cached_property
    def flags(self) -> list[Flag]:
        """What is wrong or risky about the policies, the gravest first; see `sim.studies.flags`."""
        return gravest_first(
            [flag for name in self.policies for flag in policy_flags(self._facts(name))]
        )

    def _facts(self, policy: str) -> Facts:
        measures = (*MEASURES, *TWIN_MEASURES)
        means = {measure: self.interval(policy, measure).mean for measure in measures}
        attacked = policy in self.abuse.index
        means["fraud_share"] = self.abuse.loc[policy, "fraud_share"] if attacked else math.nan
        gain = paired_difference(
            self.values(policy, "profit_cents"), self.values(self.baseline, "profit_cents")
        )
        return Facts(
            policy=policy,
            paid_levels=policy_scheme(self.scenario, policy).paid_levels,
            means=means | self.income_disclosure.loc[policy].to_dict(),
            baseline=self.baseline,
            gain_cents=None if policy == self.baseline else gain,
            currency=self.scenario.currency,
            objective=self.objective,
            modes=two_modes(self.values(policy, self.objective), self.scenario.seed),
        )

    def summary(self) -> dict[str, Any]:
        """What ``comparison.json`` holds."""
        return comparison_files.summary(self)

    def plot(self, measure: str = "profit_cents") -> Any:
        """The paired differences in ``measure`` with their intervals, a matplotlib Figure."""
        from sim.report import forest_figure

        rows = [(name, one.mean, one.low, one.high) for name, one in self.gains(measure).items()]
        joint = ", holding for all policies at once" if len(rows) > 1 else ""
        return forest_figure(
            rows,
            title=f"Change of {label(measure)} against {policy_text(self.baseline)}",
            subtitle=f"{self.replications} replications, 95 % intervals{joint}",
            currency=self.scenario.currency if measure.endswith("_cents") else "",
        )

    def save(self, folder: str | Path, overwrite: bool = False) -> Path:
        """Write the files of the study to a new ``folder``, which is returned.

        Raises
        ------
        InputError
            If the folder holds something already or cannot be written.
        """
        with files.study_folder(Path(folder), overwrite) as staging:
            self.write(staging)
            self.write_manifest(staging, ["sim.compare"])
        return Path(folder)

    def write(self, folder: Path) -> None:
        """Write everything but the manifest into an existing folder."""
        comparison_files.write(self, folder)

    def write_manifest(self, folder: Path, command: Sequence[str]) -> None:
        """Write the manifest: what is needed to make this study again."""
        comparison_files.write_manifest(self, folder, command)


def widest_excess(rivals: Sequence[np.ndarray], twin: np.ndarray, precision: float) -> float:
    """Widest half width of the paired differences from ``twin`` over the one asked for.

    rivals : outcomes of the other policies, each (n,). precision : the half width asked for, as a
    share of the mean of ``twin``. inf where that mean is zero and the differences vary.
    """
    widest = max(paired_difference(values, twin).half_width for values in rivals)
    asked = precision * abs(float(twin.mean()))
    if widest == 0:
        return 0.0
    return widest / asked if asked > 0 else math.inf
