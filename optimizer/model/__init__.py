"""What follows from a policy: parameters, futures, the evaluator, and statistics over the futures."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = [
    "bootstrap", "choices", "convergence", "distributions", "ensembles", "evaluator", "front", "horizon",
    "measures", "parameters", "physics", "scenarios", "sobol", "statistics", "streaming", "tiles",
]
__getattr__ = opened(__name__, __all__)
