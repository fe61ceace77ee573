"""The forms of the policy language in words, apart so that a help text costs no import."""

from __future__ import annotations

#: Every form, as help texts and refusals say it.
FORMS = (
    "a rule; RULE,YEAR:RULE, rules that follow each other; levers as NAME=VALUE,NAME=VALUE; RUN:ROW, a row of a run's "
    "front; FILE.csv:ROW, a row of a file of levers"
)
