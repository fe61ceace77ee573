"""What a folder holds of a finished run, and whether it can be trusted."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = ["folder", "identity", "layout", "named_policy", "provenance", "saved", "verify"]
__getattr__ = opened(__name__, __all__)
