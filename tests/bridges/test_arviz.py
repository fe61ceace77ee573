"""The bridge to ArviZ, against ArviZ: groups and shapes, the draws of the fit, what ArviZ makes of them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tiercap.optimizer import bridges
from tiercap.optimizer.calibration import posterior, psis, smc
from tiercap.optimizer.calibration.calibrate import STRUCTURES, Calibration, calibrate, rows_json
from tiercap.optimizer.calibration.fit import Effort, Fit
from tiercap.optimizer.calibration.record import load_record
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model.statistics import reduce
from tiercap.optimizer.study import load

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import arviz_stats
    from arviz_stats.base import array_stats

RUNS, PARTICLES = 2, 144


@pytest.fixture(scope="module", autouse=True)
def no_second_fits() -> Iterator[None]:
    """A fit of some seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psis, "TRUSTED", np.inf)
        patch.setattr(smc, "MOST", 6)
        patch.setattr(smc, "MOST_LAST", 6)
        yield


@pytest.fixture(scope="module")
def found() -> Calibration:
    study = load.load(None, (), {}, {})
    return calibrate(load_record(), study, 0, False, Effort(RUNS, PARTICLES), 32, STRUCTURES[:2], 1)


@pytest.fixture(scope="module")
def fit(found: Calibration) -> Fit:
    return found.fits["decides"]


@pytest.fixture(scope="module")
def data(found: Calibration) -> Any:
    return bridges.inference_data(found, "decides")


def test_groups_have_arvizs_names_and_shapes(data: Any, fit: Fit) -> None:
    rows = len(fit.rows)
    assert list(data.children) == [
        "posterior", "posterior_predictive", "log_likelihood", "prior", "prior_predictive", "observed_data"
    ]  # fmt: skip
    for name in ("posterior", "prior"):
        assert dict(data[name].sizes) == {"chain": RUNS, "draw": PARTICLES}
        assert list(data[name].data_vars)[: len(fit.infos)] == [info.name for info in fit.infos]
        assert len(data[name].data_vars) == len(fit.names)
    for name in ("posterior_predictive", "log_likelihood", "prior_predictive"):
        assert data[name]["record"].dims == ("chain", "draw", "row")
        assert data[name]["record"].shape == (RUNS, PARTICLES, rows)
    assert data["observed_data"]["record"].to_numpy().tolist() == fit.likelihood.values.tolist()


def test_draws_are_those_of_the_fit_by_run(data: Any, fit: Fit) -> None:
    for number, run in enumerate(fit.runs):
        values, first = fit.values(run.z), fit.values(run.first[0])
        for name in values:
            assert (data["posterior"][name].to_numpy()[number] == values[name]).all()
            assert (data["prior"][name].to_numpy()[number] == first[name]).all()
        assert (data["log_likelihood"]["record"].to_numpy()[number] == run.terms).all()
    discrepancy = np.stack([data["posterior"]["discrepancy"], data["posterior"]["discrepancy_performance"]], axis=-1)
    assert fit.likelihood.kinds == ("market", "performance")
    assert (discrepancy.reshape(-1, 2) == fit.discrepancy).all()


def test_every_number_has_a_unit(data: Any, found: Calibration) -> None:
    assert data["posterior"]["budget_c"].attrs["units"] == "GUSD/year"
    assert data["posterior"]["budget_c"].attrs["long_name"]
    units = dict(zip(*(data["observed_data"][name].to_numpy().tolist() for name in ("row", "unit")), strict=True))
    assert units == {row.moment: row.unit for row in found.rows}
    assert data.attrs["structure"] == "decides"
    assert data.attrs["log_evidence"] == found.fits["decides"].convergence.evidence


def test_log_likelihoods_are_those_of_the_draws(data: Any, fit: Fit) -> None:
    """Computed anew from predictions and discrepancies."""
    again = fit.likelihood.terms(fit.predictions, fit.discrepancy)
    assert (data["log_likelihood"]["record"].to_numpy().reshape(again.shape) == again).all()


def test_predictions_with_errors_are_those_that_the_report_tells(data: Any, fit: Fit) -> None:
    told = data["posterior_predictive"]["record"].to_numpy().reshape(RUNS * PARTICLES, -1)
    ends = [reduce(told.T, np.ones(len(told)), q) for q in ("p05", "p95")]
    for k, row in enumerate(rows_json(fit)):
        assert row["with_errors"] == {"p05": ends[0][k], "p95": ends[1][k]}
    before = data["prior_predictive"]["record"].to_numpy().reshape(told.shape)
    wider = [np.nanquantile(before[:, k], 0.9) > np.quantile(told[:, k], 0.9) for k in range(told.shape[1])]
    assert np.mean(wider) > 0.5


def test_arviz_leaves_rows_out_as_the_fit_does(data: Any, fit: Fit) -> None:
    """`loo` of ArviZ: log scores and tail exponents row by row. 288 draws: ours rounds the tail's size up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few draws have heavy tails
        loo = arviz_stats.loo(data, pointwise=True, reff=1.0)
    scores = np.array([row.log_score for row in fit.rows])
    exponents = np.array([row.exponent for row in fit.rows])
    assert loo.elpd_i.to_numpy() == pytest.approx(scores, abs=0.02)
    assert loo.pareto_k.to_numpy() == pytest.approx(exponents, abs=0.15)


def test_arvizs_r_hat_is_ours(data: Any, fit: Fit) -> None:
    """Of normal scores, and of their distances from the middle."""
    z = np.stack([run.z for run in fit.runs])
    away = np.abs(z - np.median(fit.z, axis=0))
    found = [array_stats.rhat(x, chain_axis=0, draw_axis=1, method="identity") for x in (z, away)]
    assert fit.convergence.rhat == pytest.approx(np.max(found), rel=1e-12)
    assert fit.convergence.rhat == posterior.convergence(fit.runs, fit.names).rhat
    summary = arviz_stats.summary(data, var_names=["budget_c", "discrepancy"], kind="stats")
    mean = float(data["posterior"]["budget_c"].mean())
    assert float(summary.loc["budget_c", "mean"]) == pytest.approx(mean, rel=0.01)


def test_a_tree_goes_to_a_file_and_back(data: Any, tmp_path: Path) -> None:
    data.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    again = xr.open_datatree(tmp_path / "fit.nc", engine="h5netcdf")
    for name in data.children:
        assert again[name].dataset.equals(data[name].dataset)
    assert again["posterior"]["budget_c"].attrs["units"] == "GUSD/year"
    assert arviz_stats.summary(again, var_names=["budget_c"], kind="stats").equals(
        arviz_stats.summary(data, var_names=["budget_c"], kind="stats")
    )
    again.close()


def test_the_structure_must_be_named_where_there_are_several(
    found: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    alone = dataclasses.replace(found, fits={"decides": found.fits["decides"]})
    assert bridges.inference_data(alone).attrs["structure"] == "decides"
    with pytest.raises(InputError, match="fitted 2 structures: name one of decides, stands"):
        bridges.inference_data(found)
    with pytest.raises(InputError, match="no fit of a structure `rule`"):
        bridges.inference_data(found, "rule")
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(InputError, match="needs pandas and xarray"):
        bridges.inference_data(found, "decides")
