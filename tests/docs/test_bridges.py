"""The page on other libraries: every block runs, in its order, and what the page says of the results holds."""

from __future__ import annotations

import random
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto-bridges.md"
pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries' own


def blocks() -> dict[str, str]:
    """The code below each heading, the first block before all others."""
    text = PAGE.read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    code = ["\n".join(re.findall(r"^```python\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)) for part in parts[::2]]
    return {name: code[0] + part for name, part in zip(parts[1::2], code[1:], strict=True)}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def of(section: str) -> dict[str, Any]:
        random.seed(1)
        names: dict[str, Any] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(blocks()[section], str(PAGE), "exec"), names)
        return names

    return of


def test_every_section_has_a_test() -> None:
    assert list(blocks()) == ["SALib", "EMA Workbench", "pymoo", "ArviZ"]


def test_salib(run: Any) -> None:
    names = run("SALib")
    spec, units = names["spec"], names["units"]
    assert set(spec.analysis) == {"revenue", "compute_lead"}
    assert len(spec.analysis["revenue"]["ST"]) == len(spec["names"]) == len(spec["bounds"])
    assert units["revenue"] == "GUSD"


def test_ema_workbench(run: Any) -> None:
    names = run("EMA Workbench")
    weights = names["calibrated"].scenarios.weights
    assert names["outcomes"]["compute_lead"].shape == (20 * len(weights),)
    X = names["experiments"][list(names["calibrated"].space.names)].to_numpy()[:: len(weights)]
    study = names["calibrated"]
    means = study.evaluator.statistics(study.space.resolve(X), [("compute_lead", "mean")])[:, 0]
    assert np.exp(np.log(names["leads"]) @ weights) == pytest.approx(means, rel=1e-12)
    found = names["found"]
    levers = study.space.resolve(found[list(study.space.names)].to_numpy())
    worst = study.evaluator.statistics(levers, [("compute_lead", "min")])[:, 0]
    assert found["worst lead"].to_numpy() == pytest.approx(worst, rel=1e-12)


def test_pymoo(run: Any) -> None:
    names = run("pymoo")
    problem, result = names["problem"], names["result"]
    assert (result.G <= 0.0).all()
    values = problem.values(result.X)
    assert (values[:, problem.study.objectives.index("compute_lead")] >= 14.0).all()
    assert np.array_equal(values[:, 0], -result.F[:, 0])


@pytest.mark.slow
def test_arviz(run: Any, tmp_path: Path) -> None:
    names = run("ArviZ")
    page = PAGE.read_text(encoding="utf-8")
    for group in names["data"].children:
        assert f"`{group}`" in page
    assert (tmp_path / "fit.nc").stat().st_size > 0
    assert names["fitted"].fits["decides"].convergence.effective > 0.0
