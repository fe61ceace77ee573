"""A study as other libraries of the field take one: SALib, EMA Workbench, pymoo, ArviZ.

Each function asks for its library when it is called, so that none of them is needed to import this room. The numbers
are the evaluator's, to the bit; inputs are in the units of the study, as `tiercap config show` prints them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.study.problem import Problem

if TYPE_CHECKING:
    import xarray as xr

    from tiercap.optimizer.bridges.ema import BlockEvaluator, StudyModel
    from tiercap.optimizer.bridges.pymoo import StudyProblem
    from tiercap.optimizer.bridges.salib import SalibProblem
    from tiercap.optimizer.calibration.calibrate import Calibration


def salib_problem(
    study: Problem,
    over: Literal["uncertainties", "levers"] = "uncertainties",
    policy: str | None = None,
    outputs: Sequence[str] = (),
) -> SalibProblem:
    """A SALib problem and the function that evaluates its samples: ``problem, evaluate = salib_problem(study)``.

    Parameters
    ----------
    study : Problem
    over : {"uncertainties", "levers"}
        what varies: parameters from future to future, or levers from policy to policy
    policy : str, optional
        the one policy met by all futures, named as on the command line; the rule in force if None. Not with levers.
    outputs : sequence of str, optional
        outcomes, or over levers statistics such as ``revenue_p05``; those of the study's objectives if none

    Returns
    -------
    SalibProblem
        see `salib`: `evaluate` takes float64[n, num_vars] and returns float64[n, outputs]

    Raises
    ------
    InputError
        if SALib is missing, a name is unknown, or the study's futures cannot be drawn independently
    """
    _check_installed("SALib", "sensitivity")
    from tiercap.optimizer.bridges import salib

    if over == "levers":
        if policy is not None:
            raise InputError("over levers every row is a policy of its own: leave `policy` out")
        return salib.over_levers(study, outputs)
    if over != "uncertainties":
        raise InputError(f"a SALib problem is over uncertainties or levers, not {str(over)[:60]!r}")
    return salib.over_uncertainties(study, policy, outputs)


def ema_model(study: Problem, outcomes: Sequence[str] = ()) -> StudyModel:
    """An EMA Workbench model: the study's levers, what its futures differ in, and outcomes of one policy in one future.

    outcomes : all that the study's objectives and constraints speak of if none

    Returns a `Model` of the workbench, see `ema`. Raises InputError if the workbench is missing or a name is unknown.
    """
    _check_installed("ema_workbench", "bridges")
    from tiercap.optimizer.bridges import ema

    return ema.StudyModel(study, outcomes)


def ema_scenarios(study: Problem) -> list[Any]:
    """The study's own futures as scenarios of the workbench, in their order: ``perform_experiments(scenarios=...)``.

    Their weights are ``study.scenarios.weights``. Raises InputError if the workbench is missing.
    """
    _check_installed("ema_workbench", "bridges")
    from tiercap.optimizer.bridges import ema

    return ema.scenarios(study)


def ema_evaluator(model: StudyModel) -> BlockEvaluator:
    """An evaluator of the workbench that computes all experiments of a request in one call of the kernels.

    Takes the place of ``SequentialEvaluator`` and gives the same bits. Raises InputError if the workbench is missing.
    """
    _check_installed("ema_workbench", "bridges")
    from tiercap.optimizer.bridges import ema

    return ema.BlockEvaluator(model)


def pymoo_problem(study: Problem) -> StudyProblem:
    """A vectorised pymoo problem: the study's searched levers, objectives and constraints.

    Returns a `Problem` of pymoo, see `pymoo`. Raises InputError if pymoo is missing.
    """
    _check_installed("pymoo", "bridges")
    from tiercap.optimizer.bridges import pymoo

    return pymoo.StudyProblem(study)


def inference_data(found: Calibration, structure: str | None = None) -> xr.DataTree:
    """The fit of one structure as ArviZ takes it.

    Parameters
    ----------
    found : Calibration
        what `calibrate` returned
    structure : str, optional
        the label of the fit, such as ``decides``; may be left out where there is but one

    Returns
    -------
    xarray.DataTree
        ArviZ's InferenceData: groups `posterior`, `posterior_predictive`, `log_likelihood`, `prior`,
        `prior_predictive`, `observed_data`, see `arviz`

    Raises
    ------
    InputError
        if xarray is missing, or there is no such fit
    """
    from tiercap.optimizer.bridges import arviz

    return arviz.inference_data(found, structure)


def _check_installed(library: str, extra: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the workbench says which of its own extras are missing
            import_module(library)
    except ImportError:
        raise InputError(f"this bridge needs {library}: install tiercap with the extra [{extra}]") from None
