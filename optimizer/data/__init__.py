"""Data shipped with tiercap: chips, rules, parameter values and ranges, built-in studies."""
