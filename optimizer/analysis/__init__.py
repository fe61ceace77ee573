"""What an outcome hangs on, and where a policy fails."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = ["discover", "discover_tables", "factors", "figures", "ledger", "sensitivity", "sensitivity_tables", "signs"]
__getattr__ = opened(__name__, __all__)
