"""Why: what outcomes hang on, and in which futures a policy fails."""

from __future__ import annotations

from collections.abc import Sequence

from tiercap.optimizer.analysis import discover as discovering
from tiercap.optimizer.analysis import discover_tables, sensitivity_tables
from tiercap.optimizer.analysis import sensitivity as explaining
from tiercap.optimizer.api.arguments import Progress, Tables, about
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io import frames
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.runs import named_policy
from tiercap.optimizer.study.problem import UNITS, Problem

METHODS = ("prim", "cart", "both")


def sensitivity(
    policy: str,
    study: Problem,
    outcomes: Sequence[str] = (),
    *,
    over: Sequence[str] = (),
    points: int = explaining.POINTS,
    tail: float = explaining.TAIL,
    progress: Progress | None = None,
) -> Tables:
    """Which uncertain parameters move outcomes of one policy from future to future.

    Parameters
    ----------
    policy : str
        As in :func:`evaluate`.
    study : Problem
        Sobol shares (Saltelli et al. 2010) need ``study(scenarios="prior")``.
    outcomes : sequence of str
        The study's objectives if none.
    over : sequence of str
        Parameters to report, all if none.
    points : int
        Of each of two samples, a power of two.
    tail : float
        Share of the points in each tail.
    progress : callable, optional
        Called with what is under way, the work done since the last call, and how much there is.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``sobol``, or ``first-order`` for members of a calibrated ensemble; ``density``, ``regional``, ``tornado``.

    Raises
    ------
    InputError
        For what cannot be taken.
    """
    frames.check_installed()
    one = named_policy.one(policy, study)
    return _explained(explaining.of_parameters(study, one, outcomes, points, over, tail, progress))


def lever_sensitivity(
    study: Problem,
    measures: Sequence[str] = (),
    *,
    over: Sequence[str] = (),
    points: int = explaining.LEVER_POINTS,
    tail: float = explaining.TAIL,
    progress: Progress | None = None,
) -> Tables:
    """Which levers move statistics over the futures, such as ``revenue_p05``, from policy to policy.

    Parameters
    ----------
    study : Problem
        Whose searched levers are drawn between their bounds.
    measures : sequence of str
        The study's objectives if none.
    over : sequence of str
        Levers to report, all that the study searches if none.
    points, tail, progress
        As in :func:`sensitivity`.

    Returns
    -------
    dict of str to pandas.DataFrame
        As :func:`sensitivity`, by lever.

    Raises
    ------
    InputError
        For what cannot be taken.
    """
    frames.check_installed()
    return _explained(explaining.of_levers(study, measures, points, over, tail, progress))


def discover(
    policy: str,
    study: Problem,
    fails: Sequence[str],
    *,
    method: discovering.Method = "both",
    over: Sequence[str] = (),
    boxes: int = 1,
    most: int = discovering.DIMENSIONS,
    progress: Progress | None = None,
) -> Tables:
    """In which futures a policy fails: boxes of parameters by PRIM, a tree by CART (Bryant and Lempert 2010).

    Parameters
    ----------
    policy : str
        As in :func:`evaluate`.
    study : Problem
        Whose scenarios are the futures.
    fails : str or sequence of str
        Conditions such as ``revenue < 20 GUSD`` or ``compute_lead worst 10 %``, any of which is a failure.
    method : {"prim", "cart", "both"}
        What looks for them.
    over : sequence of str
        Parameters that a box may restrict; all if none.
    boxes : int
        That PRIM looks for.
    most : int
        Parameters that a box restricts.
    progress : callable, optional
        As in :func:`sensitivity`.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``boxes``, ``futures`` and, with PRIM, ``trajectory``, parameters and outcomes in their own units. ``attrs``:
        failing, the share of the futures; reasons in words.

    Raises
    ------
    InputError
        For what cannot be taken.
    """
    frames.check_installed()
    if method not in METHODS:
        raise InputError(f"unknown method `{printable(str(method)[:60])}`: {did_you_mean(str(method), METHODS)}")
    texts = [fails] if isinstance(fails, str) else fails
    one = named_policy.one(policy, study)
    found = discovering.discover(study, one, texts, method, over, boxes, most, progress)
    units = {info.name: info.unit for info in found.inputs} | {name: UNITS[name] for name in found.outcomes}
    units |= {name: unit for name, (unit, _) in discover_tables.COLUMNS.items()}
    rests_on = {**about(study), "policy": one.name, "failing": found.failing, "reasons": list(found.reasons)}
    return {name: frames.frame(table, units, rests_on) for name, table in discover_tables.tables(found).items()}


def _explained(found: explaining.Sensitivity) -> Tables:
    units = {name: unit for name, (unit, _) in sensitivity_tables.COLUMNS.items()}
    rests_on = {**about(found.problem), "drawn_from": found.sample.futures}
    rests_on |= {"policy": found.policy.name} if found.policy else {}
    return {name: frames.frame(table, units, rests_on) for name, table in sensitivity_tables.tables(found).items()}
