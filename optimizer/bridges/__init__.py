"""A study as other libraries of the field take one: SALib, EMA Workbench, pymoo, ArviZ.

Each function asks for its library when it is called, so that none of them is needed to import this room. The numbers
are the evaluator's, to the bit; inputs are in the units of the study, as `tiercap config show` prints them."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = []
__getattr__ = opened(__name__, __all__)
