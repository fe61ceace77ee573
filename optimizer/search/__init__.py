"""Which policies are tried, and what came of it."""
