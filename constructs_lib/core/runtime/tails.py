"""Tails of distributions: how likely a greater value is. Tested against scipy."""

from __future__ import annotations

import math
from collections.abc import Callable

_MOST_TERMS = 1000


def chi_squared_tail(statistic: float, freedom: int) -> float:
    """The chance of a greater value of χ²: the regularised upper incomplete gamma function Q(k/2, x/2).

    By its series below k/2 + 1, by its continued fraction (Lentz) above, as in Numerical Recipes, 6.2.
    """
    a, x = freedom / 2, statistic / 2
    if x <= 0:
        return 1.0
    factor = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        return 1.0 - factor * _gamma_series(a, x)
    return factor * _gamma_fraction(a, x)


def kolmogorov_tail(x: float) -> float:
    """The chance that Kolmogorov's limit distribution is greater: 2·Σ (-1)^(k-1) e^(-2k²x²).

    The series converges slowly near 0; below 1 its theta-function transform is summed instead.
    """
    if x <= 0:
        return 1.0
    if x < 1:
        terms = (math.exp(-((2 * k - 1) ** 2) * math.pi**2 / (8 * x * x)) for k in range(1, 5))
        return 1.0 - math.sqrt(2 * math.pi) / x * math.fsum(terms)
    return min(1.0, 2 * math.fsum((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 10)))


def binomial_tail(least: int, trials: int, chance: float) -> float:
    """The chance of at least so many successes."""
    if least <= 0:
        return 1.0
    if least > trials or chance <= 0:
        return 0.0
    if chance >= 1:
        return 1.0
    log_first = _log_choose(trials, least) + least * math.log(chance) + (trials - least) * math.log1p(-chance)
    odds = chance / (1 - chance)
    if least > trials * chance:
        return math.exp(log_first) * _upwards(lambda j: (trials - j) / (j + 1) * odds, least, trials)
    below = math.exp(log_first) * _downwards(lambda j: j / ((trials - j + 1) * odds), least, 0)
    return max(0.0, 1.0 - below)


def hypergeometric_tail(least: int, drawn: int, marked: int, population: int) -> float:
    """The chance of at least so many marked ones, where `marked` of the population are and `drawn` are drawn.

    With the records of a window drawn from those of the baseline and the window it is Fisher's exact test,
    one-sided: that a share is no greater in the window.
    """
    lowest, highest = max(0, drawn + marked - population), min(drawn, marked)
    if least <= lowest:
        return 1.0
    if least > highest:
        return 0.0
    unmarked = population - marked
    first = math.exp(
        _log_choose(marked, least) + _log_choose(unmarked, drawn - least) - _log_choose(population, drawn)
    )
    if least * population > drawn * marked:
        return min(
            1.0,
            first
            * _upwards(
                lambda j: (marked - j) / (j + 1) * (drawn - j) / (unmarked - drawn + j + 1), least, highest
            ),
        )
    below = first * _downwards(
        lambda j: j / (marked - j + 1) * (unmarked - drawn + j) / (drawn - j + 1), least, lowest
    )
    return max(0.0, 1.0 - below)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _upwards(ratio: Callable[[int], float], least: int, highest: int) -> float:
    """The terms from `least` on relative to the first, until they no longer count; they fall."""
    term = whole = 1.0
    for j in range(least, highest):
        term *= ratio(j)
        whole += term
        if term < whole * 1e-17:
            break
    return whole


def _downwards(ratio: Callable[[int], float], least: int, lowest: int) -> float:
    """The terms below `least` relative to its own, until they no longer count."""
    term, whole = 1.0, 0.0
    for j in range(least, lowest, -1):
        term *= ratio(j)
        whole += term
        if term < whole * 1e-17:
            break
    return whole


def _gamma_series(a: float, x: float) -> float:
    term = whole = 1 / a
    while term > whole * 1e-16:
        a += 1
        term *= x / a
        whole += term
    return whole


def _gamma_fraction(a: float, x: float) -> float:
    b = x + 1 - a
    c, d = math.inf, 1 / b
    found = d
    for i in range(1, _MOST_TERMS):
        numerator = -i * (i - a)
        b += 2
        d = 1 / (numerator * d + b)
        c = b + numerator / c
        found *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return found
