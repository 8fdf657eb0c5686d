"""The built-in rules as Python: compiled once from the plan that the embedded engine makes of them.

rego-cpp parses the rules and plans them in OPA's intermediate representation
(https://www.openpolicyagent.org/docs/ir). Evaluating that plan there costs some milliseconds for a
document of ours, most of it for taking the document over and for setting an evaluation up; the same
plan as Python functions costs some ten microseconds (docs/decisions/0016).
"""
