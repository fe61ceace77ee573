"""What follows from a policy: parameters, futures, the evaluator, and statistics over the futures."""
