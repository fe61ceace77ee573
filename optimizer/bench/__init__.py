"""How fast the kernels and the search are."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = ["compare", "figures", "installation", "report"]
__getattr__ = opened(__name__, __all__)
