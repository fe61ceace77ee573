"""What a law says: chips, rules, levers, and which chips a policy admits."""
