"""Numbers in, numbers out: the payoff model as compiled kernels."""
