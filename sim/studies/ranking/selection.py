"""Selection of the best policy: replications where they are needed, until one policy is left.

The procedure is KN++ of Kim and Nelson (2006): their fully sequential KN (2001), in which common
random numbers pay, with variances brought up to date. All k policies run in the first
replications. From then on, after r replications, policy i is out when the sum of its differences
from a rival l falls below

    -max(0, (h^2 S_il^2 / d - d r) / 2),    h^2 = (r - 1) ((2 a / (k - 1))^(-2 / (r - 1)) - 1)

with S_il^2 the variance of those differences, d the indifference and a = 1 - probability (their
constant c is 1, so that h^2 = 2 eta (r - 1)).

Theorem: replications are independent of each other, and the best mean is ahead of every other by
at least d. Then the policy that is left is the best with at least the stated probability, whatever
the covariances: exactly if outcomes are jointly normal and S^2 and h^2 stay those of the first
replications (Kim and Nelson 2001), and for any distribution with a variance as d becomes small
against the noise if they are brought up to date (Kim and Nelson 2006). That saves about a third of
the runs and does better with skewed outcomes, whose variance few replications understate. How
often the best is found with few replications is measured, target B25: less often than promised
(.87 for .95) where the luck of the best policy is by far the largest and very skewed, else at least
as often. Looking only after each batch, which keeps parallel workers busy, does not raise the
chance of an error: the bound is for a Brownian motion that is watched all the time (Jennison,
Johnstone and Turnbull 1982). Where several policies are within d of the best one of them is
selected, and nothing is promised about which.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from sim.errors import InputError, nearest
from sim.studies.statistics import LEVEL
from sim.studies.wording import figure, label, policies_text, policy_text

FIRST = 20
FEWEST_FIRST = 10
"""With 5 first replications the promise is missed (.935 instead of .95, normal outcomes)."""

BATCH = 10
MOST_REPLICATIONS = 10_000


class Elimination(NamedTuple):
    """A policy that is out.

    by : the rival it fell behind. replications : that were usable until then. behind : by how much
    its mean was worse than that of ``by`` over them, in the unit of the values.
    """

    policy: str
    by: str
    replications: int
    behind: float


class Selection:
    """The search for the best of several policies, one round of replications after the other.

    It is told values and says what to run next::

        while not selection.done:
            for policy, numbers in selection.next().items():
                selection.tell(policy, {number: run(policy, number) for number in numbers})

    A replication of the same number must have the same luck under every policy. What is asked for
    next depends on the values alone, not on the order in which they are told. A replication in
    which a policy fails (nan) is left out for all; the theorem then needs that failures have
    nothing to do with the differences between policies. A policy that fails in all of its first
    replications is set aside.

    Parameters
    ----------
    names : policies, at least two
    indifference : the smallest lead that matters, above 0, in the unit of the values
    probability : of finding the best when it leads by that much, between 1 / k and 1
    first : replications of every policy before any is out, at least 10. More of them make the
        promise surer where outcomes are very skewed, and let bad policies run for longer.
    batch : replications of a round after those
    maximum : replications after which the search ends without an answer
    lower_is_better : as for costs

    Raises
    ------
    InputError
        If one of these cannot be used.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        indifference: float,
        probability: float = LEVEL,
        first: int = FIRST,
        batch: int = BATCH,
        maximum: int = MOST_REPLICATIONS,
        lower_is_better: bool = False,
    ) -> None:
        _check(names, indifference, probability, first, batch, maximum)
        self.names = tuple(names)
        self.indifference = float(indifference)
        self.probability = probability
        self.first = first
        self.batch = batch
        self.maximum = maximum
        self.lower_is_better = lower_is_better
        self.eliminated: list[Elimination] = []
        self.failed: tuple[str, ...] = ()
        """Policies set aside because all of their first replications failed."""
        self.settled = False
        """Whether the rule has come to an answer."""
        self._values: dict[str, dict[int, float]] = {name: {} for name in names}
        self._in = list(range(len(names)))
        self._judged = 0  # replications that were asked for and have been judged
        self._asked = first
        self._used = 0  # replications without a failed run; their sums, better is higher
        self._sums = np.zeros(len(names))
        self._differences = _Differences(len(names))
        self._first_used = 0
        self._first_variances: np.ndarray | None = None

    # -------------------------------------------------------------------- asking and telling

    def next(self) -> dict[str, tuple[int, ...]]:
        """Numbers of the replications to run, by policy, that are not told yet; empty when done."""
        asked = {name: self._wanted(name) for name in self.remaining}
        return {name: numbers for name, numbers in asked.items() if numbers}

    def _wanted(self, policy: str) -> tuple[int, ...]:
        told = self._values[policy]
        return tuple(number for number in range(self._judged, self._asked) if number not in told)

    def tell(self, policy: str, values: Mapping[int, float]) -> None:
        """File outcomes of ``policy`` by number of the replication; nan for a run that failed.

        Raises
        ------
        InputError
            If the policy is none of these, or a replication was not asked for or told before.
        """
        if policy not in self._values:
            raise InputError(f"there is no policy '{policy}'{nearest(policy, self.names)}")
        asked = self._wanted(policy) if policy in self.remaining else ()
        for number in values:
            if number not in asked:
                raise InputError(
                    f"replication {number} of {policy} was not asked for; next() says which are"
                )
        self._values[policy] |= {number: float(value) for number, value in values.items()}
        if not any(self._wanted(name) for name in self.remaining):
            self._judge()

    # ---------------------------------------------------------------------------- the answer

    @property
    def remaining(self) -> tuple[str, ...]:
        """The policies that may still be the best, in the order given."""
        return tuple(self.names[place] for place in self._in)

    @property
    def done(self) -> bool:
        """Whether nothing more is to be run: it is settled, or the maximum is reached."""
        return not self._in or self.settled or self._judged >= self.maximum

    @property
    def best(self) -> str | None:
        """The policy selected, the first of those that tie exactly; None while it is not settled.

        None also where the maximum was reached before, or no policy is left that runs.
        """
        return self.remaining[0] if self.settled else None

    @property
    def leader(self) -> str | None:
        """The policy with the best mean so far of those not out; None before any can be told."""
        if self._used == 0 or not self._in:
            return None
        return self.names[max(self._in, key=lambda place: self._sums[place])]

    @property
    def replications(self) -> int:
        """Replications judged that every policy still in them finished."""
        return self._used

    @property
    def runs_spent(self) -> int:
        """Runs told of so far, over all policies, failed ones among them."""
        return sum(len(told) for told in self._values.values())

    @property
    def runs_of_equal_allocation(self) -> int | None:
        """Runs that a design with as many of each policy needs for the same promise.

        k max(n0, ceil((t S_il / d)^2)) over all pairs, t the 1 - a / (k - 1) quantile with n0 - 1
        degrees of freedom: the Bonferroni two-stage procedure with common random numbers (Clark
        and Yang 1986). None before the first replications are in.
        """
        if self._first_variances is None:
            return None
        count, policies = self._first_used, len(self.names) - len(self.failed)
        if policies < 2:
            return self.runs_spent
        t = float(special.stdtrit(count - 1, 1 - (1 - self.probability) / (policies - 1)))
        wanted = math.ceil(t**2 * self._first_variances.max() / self.indifference**2)
        return policies * max(count, wanted)

    def statement(self, measure: str, currency: str = "") -> str:
        """What came of it in plain sentences; ``measure`` names what the values are."""
        if not self.done:
            return f"Not finished: {policies_text(list(self.remaining))} may still be the best."
        said = [self._answer(measure, currency), *self._remarks()]
        return " ".join(f"{sentence}." for sentence in said)

    def _answer(self, measure: str, currency: str) -> str:
        unit = f" {currency}" if measure.endswith("_cents") and currency else ""
        lead = f"{figure(measure, self.indifference)}{unit}"
        what = label(measure)
        if not self._in:
            return "No choice is selected: every one failed in all of its first runs"
        if self.best is None:
            if self._first_used == 0:
                return (
                    f"Not settled: fewer than {self.first} of {self._judged:,} replications were "
                    "finished by every choice"
                )
            more = max(1, self._needed() - self._used)
            return (
                f"Not settled after {self._judged:,} replications: "
                f"{policies_text(list(self.remaining))} may still be the best by {what}, and "
                f"{policy_text(self.leader or '')} leads; about {more:,} more at most would settle "
                f"it for a lead of {lead}"
            )
        if len(self.remaining) > 1:
            alike = policies_text(list(self.remaining), starts=True)
            return (
                f"{alike} have the same mean {what} over {self._used:,} replications, the best of "
                f"all; {policy_text(self.best)} stands for them"
            )
        name = policy_text(self.best, starts=True)
        if len(self.names) - len(self.failed) == 1:
            return f"{name} is the only choice that runs"
        return (
            f"{name} is selected as the best by {what}: a choice that leads all others by "
            f"{lead} or more is found with probability {self.probability:g} at least"
        )

    def _remarks(self) -> list[str]:
        said = []
        if self.failed:
            failed = policies_text(list(self.failed), starts=True)
            said.append(f"{failed} failed in all of the first runs")
        dropped = self._judged - self._used
        if dropped and self._in:
            said.append(f"{dropped:,} replications were left out because a run of them failed")
        spent, equal = self.runs_spent, self.runs_of_equal_allocation
        if self.best is not None and equal is not None and equal > spent:
            said.append(
                f"This took {spent:,} runs; giving every choice as many as the hardest comparison "
                f"needs would take about {equal:,}"
            )
        else:
            said.append(f"This took {spent:,} runs")
        return said

    # ------------------------------------------------------------------------------ judging

    def _judge(self) -> None:
        """Take in a round that is complete, put out who fell behind, and ask for the next one."""
        sign = -1.0 if self.lower_is_better else 1.0
        table = np.full((self._asked - self._judged, len(self.names)), np.nan)
        for place in self._in:
            told = self._values[self.names[place]]
            table[:, place] = [sign * told[number] for number in range(self._judged, self._asked)]
        if self._judged == 0:
            self._set_aside(table)
        self._judged = self._asked
        if not self._in:
            return
        usable = table[np.isfinite(table[:, self._in]).all(axis=1)]
        self._used += len(usable)
        for row in usable:  # one by one, so that nothing depends on the size of a batch
            self._sums[self._in] += row[self._in]
            self._differences.add(row)
        if self._first_used == 0 and self._used >= self.first:
            self._first_used, self._first_variances = self._used, self._differences.variances()
        if self._first_used:
            self._put_out()
            self.settled = self._used >= self._needed()
        self.settled |= len(self._in) == 1
        if not self.done:
            left = self._needed() - self._used if self._first_used else math.inf
            self._asked += int(min(self.batch, left, self.maximum - self._asked))

    def _set_aside(self, table: np.ndarray) -> None:
        runs = [place for place in self._in if np.isfinite(table[:, place]).any()]
        self.failed = tuple(self.names[place] for place in self._in if place not in runs)
        self._in = runs

    def _put_out(self) -> None:
        """Put out every policy that is behind a rival by more than their boundary."""
        names, sums = self.remaining, self._sums[self._in]
        behind = sums[None, :] - sums[:, None]  # how far the row is behind the column
        excess = np.where(behind > 0, behind - self._boundaries(), -np.inf)
        rivals = excess.argmax(axis=1)
        out = excess.max(axis=1) > 0
        for row in np.flatnonzero(out):
            mean = float(behind[row, rivals[row]]) / self._used
            self.eliminated.append(Elimination(names[row], names[rivals[row]], self._used, mean))
        self._in = [place for place, gone in zip(self._in, out, strict=True) if not gone]

    def _boundaries(self) -> np.ndarray:
        """How far each remaining policy may be behind each other now, as sums."""
        triangle = self._reach() - self.indifference * self._used
        return np.maximum(0.0, triangle / 2)

    def _reach(self) -> np.ndarray:
        """h^2 S_il^2 / d of the remaining pairs: over d it is the replications a pair may take."""
        degrees, policies = self._used - 1, len(self.names) - len(self.failed)
        chance = 2 * (1 - self.probability) / max(policies - 1, 1)
        h_squared = degrees * (chance ** (-2 / degrees) - 1)
        variances = self._differences.variances()[np.ix_(self._in, self._in)]
        return h_squared * variances / self.indifference

    def _needed(self) -> int:
        """Replications after which no boundary of the remaining policies is above 0."""
        return math.floor(float(self._reach().max()) / self.indifference) + 1


class _Differences:
    """Running variances of the differences between every two policies (Welford 1962).

    Differences that are all the same have a variance of exactly 0. Those from a policy that is
    out are not kept up.
    """

    def __init__(self, policies: int) -> None:
        self._count = 0
        self._means = np.zeros((policies, policies))
        self._squares = np.zeros((policies, policies))

    def add(self, row: np.ndarray) -> None:
        """Take in the outcomes (k,) of one replication; nan for a policy that is out."""
        self._count += 1
        apart = np.nan_to_num(row[:, None] - row[None, :])
        before = apart - self._means
        self._means += before / self._count
        self._squares += before * (apart - self._means)

    def variances(self) -> np.ndarray:
        """The variances (k, k), from two replications on."""
        return self._squares / (self._count - 1)


def _check(
    names: Sequence[str],
    indifference: float,
    probability: float,
    first: int,
    batch: int,
    maximum: int,
) -> None:
    if len(set(names)) < max(2, len(names)):
        raise InputError(
            f"policies {', '.join(names)}: ranking needs at least two, each named once"
        )
    if not 0 < indifference < math.inf:
        raise InputError(
            f"indifference = {indifference:g} must be above 0: it is the smallest lead that matters"
        )
    if not 1 / len(names) < probability < 1:
        raise InputError(
            f"probability = {probability:g} must lie between 1/{len(names)}, which guessing "
            "reaches, and 1"
        )
    if first < FEWEST_FIRST:
        raise InputError(
            f"first = {first} replications tell too little of the variance; "
            f"give {FEWEST_FIRST} or more"
        )
    if batch < 1:
        raise InputError(f"batch = {batch} must be at least 1")
    if maximum < first:
        raise InputError(f"maximum = {maximum} is below the {first} first replications; raise it")
