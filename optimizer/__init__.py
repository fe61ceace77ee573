"""tiercap: people, files, search and words around the payoff kernels."""
