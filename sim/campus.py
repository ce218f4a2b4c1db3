"""The embedded default network: a generated twin of a merged set of Facebook ego networks.

People live in communities around an organiser who knows everybody in it (as the owner of an ego
network does). Inside a community they belong to one to three overlapping circles of heavy-tailed
size; ties inside a circle follow a beta model, where sociable people know most members and shy
people know the sociable ones. A few travellers hold the ties between communities. Sizes are
spread evenly over their distribution, so that networks of different seeds are alike.

Target (McAuley and Leskovec, 2012, the SNAP graph ego-Facebook): 4,039 people, 88,234 friendships,
mean local clustering 0.606, greatest degree 1,045, degree Gini 0.54, assortativity 0.06, mean path
length 3.7, modularity above 0.75.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from sim._jit import kernel
from sim.edges import Edges, check_mean_degree, check_size
from sim.errors import InputError
from sim.randomness import Decision, key_words, philox4x32, uniform_table, uniforms, unit

SMALLEST_CIRCLE, LARGEST_CIRCLE = 5, 240
SMALLEST_COMMUNITY, LARGEST_COMMUNITY = 40, 1_100
LARGEST_COMMUNITY_SHARE = 0.27
CIRCLES_EACH = 3
ONE_VISIT, TWO_VISITS = 0.24, 0.06
SOCIABILITY_SD = 1.4
ACROSS_SHARE = 0.03
TRAVELLER_SHARE = 0.22
DISTANCE_POWER = 6
CIRCLE_PER_DEGREE = 1.5
MINIMUM_MEAN_DEGREE = 4.0

_GOLDEN = (math.sqrt(5) - 1) / 2
_NETWORK = int(Decision.NETWORK)
_GROUPS = int(Decision.GROUPS)
_SHUFFLE, _SOCIABILITY, _TRAVELLER, _START, _ACROSS = range(5)


def campus(size: int, seed: int = 0, *, mean_degree: float = 43.69) -> Edges:
    """The default network (see the module), with its circles as groups.

    Parameters
    ----------
    size : 50 or more people. ``mean_degree`` : 4 or more friends each on average, as far as the
        circles of so many people can hold; a smaller one makes circles smaller, not looser.

    Raises
    ------
    InputError
        where size or mean_degree is out of range, or mean_degree too large for the size.
    """
    check_size(size, 50, "campus")
    check_mean_degree(mean_degree, size, MINIMUM_MEAN_DEGREE)
    key = np.uint64(seed)
    start = uniform_table(key, _GROUPS, _START, 2)[0]
    largest = min(LARGEST_CIRCLE, size // 2)
    friends_inside = mean_degree * (1 - ACROSS_SHARE) - 2
    steepness = _steepness(CIRCLE_PER_DEGREE * friends_inside, SMALLEST_CIRCLE, largest)
    circle_sizes = _even_sizes(size, steepness, SMALLEST_CIRCLE, largest, start[0])
    order = np.argsort(uniform_table(key, _GROUPS, _SHUFFLE, circle_sizes.size)[0], kind="stable")
    circle_start = np.concatenate(([0], np.cumsum(circle_sizes[order])))
    community_start = _community_starts(circle_start, start[1])

    circle = np.repeat(np.arange(circle_sizes.size, dtype=np.int32), np.diff(circle_start))
    community = np.repeat(
        np.arange(community_start.size - 1, dtype=np.int32), np.diff(community_start)
    )
    circles = _circles_of(circle, community, community_start, key)
    circle_indptr, member = _members(circles, circle_sizes.size)
    group_of = np.repeat(np.arange(circle_sizes.size, dtype=np.int32), np.diff(circle_indptr))

    organiser = _organisers(community_start, key)
    leading = np.zeros(size, bool)
    leading[organiser] = True
    led = np.flatnonzero(~leading).astype(np.int32)
    chain = np.stack((organiser[:-1], organiser[1:]))
    fixed = np.concatenate((np.stack((organiser[community[led]], led)), chain), axis=1)

    friendships = round(size * mean_degree / 2)
    across_wanted = round(friendships * ACROSS_SHARE) if organiser.size > 1 else 0
    inside_wanted = friendships - fixed.shape[1] - across_wanted
    meetings = _meetings(circle_indptr, member, circles, leading)
    odds = _sociability(size, key)[meetings.member]
    scale = _odds_scale(meetings, odds, inside_wanted, size, mean_degree)
    source, target = _drawn_ties(meetings, odds * math.sqrt(scale), inside_wanted, key)
    missing = friendships - fixed.shape[1] - source.size if organiser.size > 1 else 0
    across = _across_ties(max(missing, 0), community, leading, key)
    return Edges(
        np.concatenate((source, fixed[0], across[0])),
        np.concatenate((target, fixed[1], across[1])),
        None,
        group_of,
        member,
        size,
    )


# ------------------------------------------------------------------------- circles and communities


def _mean_circle(steepness: float, smallest: float, largest: float) -> float:
    """Mean size of a person's circle when the number of circles of size s falls as s^-steepness."""
    size = np.geomspace(smallest, largest, 400)
    people = size ** (1 - steepness)
    return float(np.trapezoid(people * size, size) / np.trapezoid(people, size))


@functools.lru_cache(maxsize=64)
def _steepness(wanted: float, smallest: float, largest: float) -> float:
    """The exponent with which a person's circle has ``wanted`` members on average, in [-3, 8]."""
    low, high = -3.0, 8.0
    for _ in range(40):
        middle = (low + high) / 2
        if _mean_circle(middle, smallest, largest) > wanted:
            low = middle
        else:
            high = middle
    return high


def _even_sizes(
    size: int, steepness: float, smallest: int, largest: int, start: float
) -> np.ndarray:
    """Sizes, int64, that add up to ``size``, spread evenly over a power law from ``start``.

    Quantiles follow the golden-ratio sequence, so any stretch of it fills the distribution.
    """
    count = size // smallest + 1
    quantile = (start + np.arange(count) * _GOLDEN) % 1.0
    power = 1 - steepness
    if abs(power) < 1e-9:
        sizes = smallest * (largest / smallest) ** quantile
    else:
        low, high = smallest**power, largest**power
        sizes = (low + quantile * (high - low)) ** (1 / power)
    ends = np.cumsum(np.rint(sizes).astype(np.int64))
    last = int(np.searchsorted(ends, size))
    cuts = np.concatenate(([0], ends[:last], [size]))
    if last > 0 and size - cuts[-2] < smallest:
        cuts = np.delete(cuts, -2)
    return np.diff(cuts)


def _community_starts(circle_start: np.ndarray, start: float) -> np.ndarray:
    """First person of every community, then ``size``, int64; communities are whole circles."""
    size = int(circle_start[-1])
    largest = min(LARGEST_COMMUNITY, max(SMALLEST_COMMUNITY + 1, LARGEST_COMMUNITY_SHARE * size))
    sizes = _even_sizes(size, 1.0, SMALLEST_COMMUNITY, int(largest), start)
    wanted = np.cumsum(sizes)[:-1]
    nearest = np.searchsorted(circle_start[:-1] + np.diff(circle_start) / 2, wanted)
    return np.unique(np.concatenate(([0], circle_start[nearest], [size])))


@kernel
def _circles_of(circle, community, community_start, seed):
    """The one to three circles of each person, int32 (N, 3), -1 where fewer; visits are drawn."""
    circles = np.full((circle.size, CIRCLES_EACH), -1, np.int32)
    for i in range(circle.size):
        circles[i, 0] = circle[i]
        chance, u1, u2, _ = uniforms(seed, _GROUPS, 1, i, 0, 0)
        begin = community_start[community[i]]
        width = community_start[community[i] + 1] - begin
        if chance < ONE_VISIT + TWO_VISITS:
            visited = circle[begin + int(u1 * width)]
            if visited != circle[i]:
                circles[i, 1] = visited
        if chance < TWO_VISITS:
            visited = circle[begin + int(u2 * width)]
            if visited != circle[i] and visited != circles[i, 1]:
                circles[i, 2] = visited
    return circles


def _members(circles: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Members of each of ``count`` circles in order: indptr int64 (count+1,), int32 (M,)."""
    indptr = np.zeros(count + 1, np.int64)
    member = np.empty(np.count_nonzero(circles >= 0), np.int32)
    _sort_members(circles, indptr, member)
    return indptr, member


@kernel
def _sort_members(circles, indptr, member):
    for i in range(circles.shape[0]):
        for circle in circles[i]:
            if circle >= 0:
                indptr[circle + 1] += 1
    for circle in range(indptr.size - 1):
        indptr[circle + 1] += indptr[circle]
    place = indptr[:-1].copy()
    for i in range(circles.shape[0]):
        for circle in circles[i]:
            if circle >= 0:
                member[place[circle]] = i
                place[circle] += 1


def _organisers(community_start: np.ndarray, key: np.uint64) -> np.ndarray:
    """One person of each community, int32."""
    place = uniform_table(key, _GROUPS, _TRAVELLER, community_start.size - 1)[1]
    widths = np.diff(community_start)
    return (community_start[:-1] + (place * widths).astype(np.int64)).astype(np.int32)


def _sociability(size: int, key: np.uint64) -> np.ndarray:
    """Lognormal sociability, float64 (N,), by the Box-Muller transform (1958)."""
    u0, u1, _, _ = uniform_table(key, _NETWORK, _SOCIABILITY, size)
    return np.exp(SOCIABILITY_SD * np.sqrt(-2 * np.log(u0)) * np.cos(2 * np.pi * u1))


# ------------------------------------------------------------------------------------------- ties


class Meetings(NamedTuple):
    """Who may befriend whom inside circles: pairs of members, each in the first circle they share.

    indptr : int64 (C+1,); member : int32 (M,), the members of a circle without organisers.
    elsewhere : bool (M,), whether the member is in a circle of a lower number too.
    circles : int32 (N, 3), everybody's circles, -1 where fewer.
    chances : float64, room to work on for one number of each member of the largest circle.
    """

    indptr: np.ndarray
    member: np.ndarray
    elsewhere: np.ndarray
    circles: np.ndarray
    chances: np.ndarray


def _meetings(
    indptr: np.ndarray, member: np.ndarray, circles: np.ndarray, leading: np.ndarray
) -> Meetings:
    ordinary = ~leading[member]
    before = np.concatenate(([0], np.cumsum(ordinary)))
    kept_indptr, kept = before[indptr], member[ordinary]
    elsewhere = np.zeros(kept.size, np.bool_)
    _mark_elsewhere(kept_indptr, kept, circles, elsewhere)
    chances = np.empty(np.diff(kept_indptr).max())
    return Meetings(kept_indptr, kept, elsewhere, circles, chances)


@kernel
def _mark_elsewhere(indptr, member, circles, elsewhere):
    for circle in range(indptr.size - 1):
        for a in range(indptr[circle], indptr[circle + 1]):
            for other in circles[member[a]]:
                if 0 <= other < circle:
                    elsewhere[a] = True


@kernel
def _met_before(i, j, circle, circles):
    """Whether two members of a circle share one of a lower number."""
    for a in circles[i]:
        if 0 <= a < circle:
            for b in circles[j]:
                if a == b:
                    return True
    return False


@kernel
def _expected_ties(meetings, odds, scale):
    """Pairs that meet, and mean and variance of the number of ties among them.

    odds : float64 (M,), of the members.
    """
    indptr, member, elsewhere, circles, chances = meetings
    pairs = 0
    mean = 0.0
    variance = 0.0
    for circle in range(indptr.size - 1):
        end = indptr[circle + 1]
        for a in range(indptr[circle], end):
            odds_of_one = scale * odds[a]
            others = odds[a + 1 : end]
            for b in range(others.size):
                product = odds_of_one * others[b]
                chances[b] = product / (1.0 + product)
            for b in range(others.size):
                if (
                    elsewhere[a]
                    and elsewhere[a + 1 + b]
                    and _met_before(member[a], member[a + 1 + b], circle, circles)
                ):
                    continue
                pairs += 1
                mean += chances[b]
                variance += chances[b] * (1.0 - chances[b])
    return pairs, mean, variance


def _odds_scale(
    meetings: Meetings, odds: np.ndarray, wanted: int, size: int, mean_degree: float
) -> float:
    """The factor on all odds that makes ``wanted`` ties expected, by Newton's method on its log."""
    pairs, mean, variance = _expected_ties(meetings, odds, 1.0)
    if not 0 < wanted < 0.9 * pairs:
        highest = mean_degree + 2 * (0.9 * pairs - wanted) / size
        raise InputError(
            f"network.mean_degree = {mean_degree:g} is too large for population.size = {size} in "
            f"network.kind = 'campus', which holds about {highest:.0f}; lower mean_degree or add "
            "people"
        )
    logarithm = 0.0
    for _ in range(100):
        if abs(mean - wanted) <= 0.5:
            break
        logarithm += min(max((wanted - mean) / variance, -1.0), 1.0)
        _, mean, variance = _expected_ties(meetings, odds, math.exp(logarithm))
    return math.exp(logarithm)


def _drawn_ties(
    meetings: Meetings, weight: np.ndarray, expected: int, key: np.uint64
) -> tuple[np.ndarray, np.ndarray]:
    """Source and target, int32 (E,), of the ties drawn; about as many as ``expected``."""
    room = expected + 10 * math.isqrt(expected) + LARGEST_CIRCLE * CIRCLES_EACH
    while True:
        source, target = np.empty(room, np.int32), np.empty(room, np.int32)
        count, needed = _draw_ties(meetings, weight, key, source, target)
        if needed <= room:
            return source[:count], target[:count]
        room = needed


@kernel
def _draw_ties(meetings, weight, seed, source, target):
    """Write the ties drawn while there is room; returns how many, and the room they need.

    weight : float64 (M,), of the members.
    """
    indptr, member, elsewhere, circles, chances = meetings
    low, high = key_words(seed)
    place = np.uint64(_NETWORK)
    count = 0
    needed = 0
    for circle in range(indptr.size - 1):
        end = indptr[circle + 1]
        for a in range(indptr[circle], end):
            others = member[a + 1 : end]
            for b in range(others.size):
                w, _, _, _ = philox4x32(
                    np.uint64(member[a]), np.uint64(others[b]), np.uint64(circle), place, low, high
                )
                chances[b] = unit(w)
            needed = max(needed, count + others.size)
            write = count + others.size <= source.size
            for b in range(others.size):
                product = weight[a] * weight[a + 1 + b]
                tied = chances[b] * (1.0 + product) < product
                if tied and elsewhere[a] and elsewhere[a + 1 + b]:
                    tied = not _met_before(member[a], others[b], circle, circles)
                if write:
                    source[count] = member[a]
                    target[count] = others[b]
                count += tied
    return count, needed


def _across_ties(
    count: int, community: np.ndarray, leading: np.ndarray, key: np.uint64
) -> np.ndarray:
    """Up to ``count`` ties, int32 (2, count), between travellers of different communities."""
    size = community.size
    chance = uniform_table(key, _GROUPS, _TRAVELLER, size)[0]
    chance[leading] = 1.0
    number = min(size, max(math.ceil(TRAVELLER_SHARE * size), math.ceil(4 * math.sqrt(count))))
    traveller = np.sort(np.argsort(chance, kind="stable")[:number])
    for draws in (2 * count, 8 * count, 32 * count):
        u0, u1, _, _ = uniform_table(key, _NETWORK, _ACROSS, draws)
        first = traveller[(u0 * number).astype(np.int64)]
        jump = 1 + ((number - 1) * u1**DISTANCE_POWER).astype(np.int64)
        second = traveller[((u0 * number).astype(np.int64) + jump) % number]
        low, high = np.minimum(first, second), np.maximum(first, second)
        apart = community[low] != community[high]
        code = low[apart] * size + high[apart]
        _, place = np.unique(code, return_index=True)
        code = code[np.sort(place)][:count]
        if code.size == count:
            break
    return np.stack(np.divmod(code, size)).astype(np.int32)
