"""Counts of recent windows against the frozen ones: how improbable, how large, and whether the newest window agrees.

PSI / (1/N + 1/M) of B bins is chi-square with B-1 degrees of freedom while nothing changes (Yurdakul 2018; Potgieter
et al., arXiv 2307.11878: a fixed PSI limit alarms too often on small samples and too seldom on large ones), hence
limits by sample size, and an effect floor beside them. Half a record is added to each bin, so that an empty one stays
finite. Beside PSI stand Kolmogorov-Smirnov for ordered bins (taken at the edges only, so it alarms too seldom rather
than too often) and Pearson's chi-square for names. Windows of a real service differ more than by chance: statistics are
divided by the overdispersion that training measured (Rao and Scott, JASA 1981; Kish's effective sample size).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, chdtrc, chdtri, kolmogi, kolmogorov

from models.columns import Array
from models.frame import Floats, Ints

HALF = 0.5
#: Standard errors that one window alone needs before it speaks for itself: the usual three sigma.
SURE = 3.0


@dataclass(frozen=True)
class Compared:
    """Aligned [rows]: probability by chance, size beyond chance (PSI, or a share), `lean` and its `noise`.

    `lean` is how much of that size the newest window itself shows: near 1 while it lasts, near 0 once it is over;
    `noise` is its standard error.
    """

    p_values: Floats
    excess: Floats
    lean: Floats
    noise: Floats


@dataclass(frozen=True)
class Statistics:
    """PSI [rows], used bins, 1 / (1/N + 1/M), and what chance alone makes of PSI on average."""

    psi: Floats
    bins: Ints
    size: Floats
    chance: Floats


def psi_of(reference: Floats, recent: Floats) -> Statistics:
    """Compare counts [rows, bins] with counts; a bin that both lack does not count. Rows have records on both sides."""
    p, q, used = _smoothed(reference, recent)
    psi = np.where(used, (p - q) * np.log(p / q), 0.0).sum(axis=1)
    bins = used.sum(axis=1)
    size = 1 / (1 / reference.sum(axis=1) + 1 / recent.sum(axis=1))
    return Statistics(psi, bins, size, (bins - 1) / size)


def compare_bins(reference: Floats, recent: Floats, window: Floats, ordered: Array, overdispersion: Floats) -> Compared:
    """Judge distributions, counts [rows, bins]; `ordered` [rows]: bins have an order. Bonferroni over two tests."""
    told = psi_of(reference, recent)
    freedom = np.maximum(told.bins - 1, 1)
    by_psi = chdtrc(freedom, told.psi * told.size / overdispersion)
    by_other, names = np.ones(len(ordered)), ~ordered
    steps = _steps(reference[ordered], recent[ordered], told.size[ordered])
    by_other[ordered] = kolmogorov(steps / np.sqrt(overdispersion[ordered]))
    by_other[names] = chdtrc(freedom[names], _pearson(reference[names], recent[names]) / overdispersion[names])
    p_values = np.minimum(1.0, 2 * np.minimum(by_psi, by_other))
    p, q, used = _smoothed(reference, recent)
    shares = window / window.sum(axis=1, keepdims=True)
    cross = np.where(used, (shares - q) * np.log(p / q), 0.0).sum(axis=1)
    excess = np.maximum(told.psi - overdispersion * told.chance, _clear(reference, window, overdispersion))
    psi = np.maximum(told.psi, 1e-12)
    noise = 1 / np.sqrt(window.sum(axis=1) * psi)
    return Compared(np.where(told.bins > 1, p_values, 1.0), excess, cross / psi, noise)


def _clear(reference: Floats, window: Floats, overdispersion: Floats) -> Floats:
    """PSI of the newest window alone, less what chance makes of it and `SURE` standard errors: 0 at least.

    A large sudden change is diluted by the windows before it; its own window shows its size at once.
    """
    told = psi_of(reference, window)
    error = np.sqrt(2 * np.maximum(told.bins - 1, 1)) / told.size
    return np.asarray(np.maximum(told.psi - overdispersion * (told.chance + SURE * error), 0.0))


def compare_shares(reference: Floats, recent: Floats, window: Floats, overdispersion: Floats) -> Compared:
    """Judge whether a share rose: counts [rows, (part, rest, ...)], an exact binomial test (by the beta integral).

    The share before is Laplace's, so that what was never seen is rare and not impossible.
    """
    before = (reference[:, 0] + 1) / (reference.sum(axis=1) + 2)
    whole, part = recent.sum(axis=1), recent[:, 0]
    hits, others = part / overdispersion, (whole - part) / overdispersion
    p_values = np.where(hits > 0, betainc(np.maximum(hits, 1e-12), others + 1, before), 1.0)
    share, records = part / whole, window.sum(axis=1)
    excess = np.maximum(share - before, 0.0)
    scale = np.maximum(excess, 1e-12)
    noise = np.sqrt(share * (1 - share) / records) / scale
    return Compared(p_values, excess, (window[:, 0] / records - before) / scale, noise)


def overdispersion_of(reference: Floats, recent: Floats, kind: str, quiet_share: float) -> float:
    """How much larger than by chance statistics are in quiet windows [rows, bins]: a quantile's ratio, 1 at least."""
    told = psi_of(reference, recent)
    tail = 1 - quiet_share
    usual = chdtri(np.maximum(told.bins - 1, 1), tail)
    if kind == "share":
        before = (reference[:, 0] + 1) / (reference.sum(axis=1) + 2)
        rise = recent[:, 0] / recent.sum(axis=1) - before
        ratios = [rise**2 * told.size / (before * (1 - before)) / chdtri(1, tail)]
    elif kind == "names":
        ratios = [told.psi * told.size / usual, _pearson(reference, recent) / usual]
    else:
        ratios = [told.psi * told.size / usual, (_steps(reference, recent, told.size) / kolmogi(tail)) ** 2]
    return max(1.0, *(float(np.quantile(ratio, quiet_share)) for ratio in ratios))


def false_discovery(p_values: Floats, groups: Ints) -> Floats:
    """Adjust p-values [rows] for looking at many, group by group (Benjamini and Hochberg, JRSS B 1995)."""
    order = np.lexsort((p_values, groups))
    starts = np.flatnonzero(np.concatenate([[True], np.diff(groups[order]) != 0]))
    sizes = np.diff(np.append(starts, len(order)))
    line, place = np.repeat(np.arange(len(starts)), sizes), np.arange(len(order)) - np.repeat(starts, sizes)
    stepped = np.full((len(starts), sizes.max(initial=1)), np.inf)  # a line for each group
    stepped[line, place] = p_values[order] * sizes[line] / (place + 1)
    least = np.minimum.accumulate(stepped[:, ::-1], axis=1)[:, ::-1]
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1.0, least[line, place])
    return adjusted


def _smoothed(reference: Floats, recent: Floats) -> tuple[Floats, Floats, Array]:
    """Shares of the recent and of the reference, half a record added to each used bin."""
    used = (reference > 0) | (recent > 0)
    added = HALF * used.sum(axis=1, keepdims=True)
    p = (recent + HALF) / (recent.sum(axis=1, keepdims=True) + added)
    q = (reference + HALF) / (reference.sum(axis=1, keepdims=True) + added)
    return p, q, used


def _steps(reference: Floats, recent: Floats, size: Floats) -> Floats:
    """Kolmogorov's statistic at the edges, with Stephens's correction for small samples (JRSS B 1970)."""
    p, q = (counts / counts.sum(axis=1, keepdims=True) for counts in (recent, reference))
    distance = np.abs(np.cumsum(p - q, axis=1)).max(axis=1)
    root = np.sqrt(size)
    return np.asarray((root + 0.12 + 0.11 / root) * distance)


def _pearson(reference: Floats, recent: Floats) -> Floats:
    """Pearson's statistic of two samples."""
    n, m = reference.sum(axis=1, keepdims=True), recent.sum(axis=1, keepdims=True)
    pooled = np.maximum(reference + recent, 1e-12)
    difference = reference * np.sqrt(m / n) - recent * np.sqrt(n / m)
    return np.asarray((difference**2 / pooled).sum(axis=1))
