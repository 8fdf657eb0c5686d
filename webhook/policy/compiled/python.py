"""Write a plan down as Python: a function for each of its functions.

A block of a plan ends where a statement of it is undefined: here it is a loop that is left with
`break`. Texts of rules are written as Python writes its own literals, and names are numbers, so
that nothing of a rule's text is ever code.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from webhook.policy.compiled import values
from webhook.policy.compiled.builtins import BUILTINS
from webhook.policy.compiled.plan import Plan

Function = Callable[..., Any]
Statement = Mapping[str, Any]

_INDENT = "    "
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")

# The members of a statement that are local variables.
_PLACES = frozenset(
    {"array", "key", "object", "result", "return", "set", "source", "target", "value"}
)

# What the written functions know beside each other.
_KNOWN = {
    "U": values.UNDEFINED,
    "Values": values.Values,
    "Conflict": values.Conflict,
    "dot": values.dot,
    "equal": values.equal,
    "insert_once": values.insert_once,
    "is_array": values.is_array,
    "scan": values.scan,
    "once": (None,),
}


def compiled(plan: Plan) -> dict[str, Function]:
    """Compile the functions of a plan, by the paths of their rules.

    Raises `NotImplementedError` where a rule of ours needs what none has needed so far.
    """
    names = {one["name"]: f"f{number}" for number, one in enumerate(plan.functions)}
    writer = _Writer(plan.strings, names)
    source = "\n".join(line for function in plan.functions for line in writer.function(function))
    known: dict[str, Any] = {**_KNOWN, **writer.builtins}
    exec(compile(source, "<rules>", "exec"), known)  # noqa: S102 - written above
    return {".".join(one["path"][1:]): known[names[one["name"]]] for one in plan.functions}


class _Writer:
    """Writes the functions of one plan."""

    def __init__(self, strings: Sequence[str], names: Mapping[str, str]) -> None:
        self._strings = strings
        self._names = names
        self.builtins: dict[str, Function] = {}
        """Those that are called, by the names that they are called by."""

    def function(self, function: Statement) -> Iterator[str]:
        """Write a function: what it returns is undefined where it returns nothing."""
        parameters = [f"l{number}" for number in function["params"]]
        yield f"def {self._names[function['name']]}({', '.join(parameters)}):"
        if others := sorted(_locals(function) - set(function["params"])):
            yield _INDENT + " = ".join([*(f"l{number}" for number in others), "U"])
        yield from _indented(self._blocks(function["blocks"]))
        yield _INDENT + "return U"

    def _blocks(self, blocks: Sequence[Statement]) -> Iterator[str]:
        for block in blocks:
            if [one["type"] for one in block["stmts"]] == ["BlockStmt"]:
                yield from self._blocks(block["stmts"][0]["stmt"]["blocks"])
                continue
            yield "for _ in once:"
            yield from _indented(self._block(block))

    def _block(self, block: Statement) -> Iterator[str]:
        """Write the statements of a block, which is the body of a loop."""
        if not block["stmts"]:
            yield "pass"
        for one in block["stmts"]:
            name = _CAPITAL.sub("_", one["type"].removesuffix("Stmt")).lower()
            write = getattr(self, f"do_{name}", None)
            if write is None:
                raise NotImplementedError(f"the rules need {one['type']}")
            yield from write(one["stmt"])

    def _value(self, operand: Mapping[str, Any] | int) -> str:
        if isinstance(operand, int):
            return f"l{operand}"
        kind, value = operand["type"], operand["value"]
        if kind == "local":
            return f"l{value}"
        return repr(self._strings[value] if kind == "string_index" else bool(value))

    # One for each kind of statement (https://www.openpolicyagent.org/docs/ir#statements).

    def do_array_append(self, it: Statement) -> Iterator[str]:
        yield f"l{it['array']}.append({self._value(it['value'])})"

    def do_assign_var(self, it: Statement) -> Iterator[str]:
        yield f"l{it['target']} = {self._value(it['source'])}"

    def do_assign_var_once(self, it: Statement) -> Iterator[str]:
        target, source = f"l{it['target']}", self._value(it["source"])
        yield f"if {target} is not U and not equal({target}, {source}): raise Conflict"
        yield f"{target} = {source}"

    def do_block(self, it: Statement) -> Iterator[str]:
        yield from self._blocks(it["blocks"])

    def do_call(self, it: Statement) -> Iterator[str]:
        arguments = ", ".join(self._value(one) for one in it["args"])
        yield f"l{it['result']} = {self._called(it['func'])}({arguments})"
        if it["func"] in self._names:  # built-in functions have a value, or raise
            yield f"if l{it['result']} is U: break"

    def _called(self, name: str) -> str:
        if name in self._names:
            return self._names[name]
        if name not in BUILTINS:
            raise NotImplementedError(f"the rules call {name}: it is none of {', '.join(BUILTINS)}")
        known = f"b_{BUILTINS[name].__name__}"
        self.builtins[known] = BUILTINS[name]
        return known

    def do_dot(self, it: Statement) -> Iterator[str]:
        source, key, target = self._value(it["source"]), self._value(it["key"]), f"l{it['target']}"
        if it["key"]["type"] == "string_index":
            found = f"{source}.get({key}, U) if type({source}) is dict else dot({source}, {key})"
        else:
            found = f"dot({source}, {key})"
        yield f"{target} = {found}"
        yield f"if {target} is U: break"

    def do_equal(self, it: Statement) -> Iterator[str]:
        yield f"if not ({self._equal(it)}): break"

    def do_not_equal(self, it: Statement) -> Iterator[str]:
        yield f"if {self._equal(it)}: break"

    def _equal(self, it: Statement) -> str:
        """Compare; with a constant as Python does, which is quicker and comes to the same."""
        one, other = self._value(it["a"]), self._value(it["b"])
        kinds = {it["a"]["type"], it["b"]["type"]}
        if "bool" in kinds:
            return f"{one} is {other}" if it["b"]["type"] == "bool" else f"{other} is {one}"
        return f"{one} == {other}" if "string_index" in kinds else f"equal({one}, {other})"

    def do_is_array(self, it: Statement) -> Iterator[str]:
        yield f"if not is_array({self._value(it['source'])}): break"

    def do_is_defined(self, it: Statement) -> Iterator[str]:
        yield f"if l{it['source']} is U: break"

    def do_is_undefined(self, it: Statement) -> Iterator[str]:
        yield f"if l{it['source']} is not U: break"

    def do_len(self, it: Statement) -> Iterator[str]:
        yield f"l{it['target']} = len({self._value(it['source'])})"

    def do_make_array(self, it: Statement) -> Iterator[str]:
        yield f"l{it['target']} = []"

    def do_make_null(self, it: Statement) -> Iterator[str]:
        yield f"l{it['target']} = None"

    def do_make_number_int(self, it: Statement) -> Iterator[str]:
        yield f"l{it['target']} = {int(it['value'])}"

    def do_make_number_ref(self, it: Statement) -> Iterator[str]:
        text = self._strings[it["index"]]
        yield f"l{it['target']} = {float(text) if '.' in text else int(text)}"

    def do_make_object(self, it: Statement) -> Iterator[str]:
        yield f"l{it['target']} = {{}}"

    def do_make_set(self, it: Statement) -> Iterator[str]:
        yield f"l{it['target']} = Values()"

    def do_not(self, it: Statement) -> Iterator[str]:
        yield "for _ in once:"
        yield from _indented(self._block(it["block"]))
        yield "else: break"  # it was left nowhere: it holds

    def do_object_insert(self, it: Statement) -> Iterator[str]:
        yield f"l{it['object']}[{self._value(it['key'])}] = {self._value(it['value'])}"

    def do_object_insert_once(self, it: Statement) -> Iterator[str]:
        yield f"insert_once(l{it['object']}, {self._value(it['key'])}, {self._value(it['value'])})"

    def do_reset_local(self, it: Statement) -> Iterator[str]:
        yield f"l{it['target']} = U"

    def do_return_local(self, it: Statement) -> Iterator[str]:
        yield f"return l{it['source']}"

    def do_scan(self, it: Statement) -> Iterator[str]:
        yield f"members = scan(l{it['source']})"
        yield "if members is None: break"
        yield f"for l{it['key']}, l{it['value']} in members:"
        yield from _indented(self._blocks([it["block"]]))

    def do_set_add(self, it: Statement) -> Iterator[str]:
        yield f"l{it['set']}.add({self._value(it['value'])})"


def _locals(node: Any) -> set[int]:
    """Find the local variables that statements write or read."""
    if isinstance(node, list):
        return set().union(*map(_locals, node))
    if not isinstance(node, dict):
        return set()
    if node.get("type") == "local":
        return {node["value"]}
    named = {value for name, value in node.items() if name in _PLACES and isinstance(value, int)}
    return named.union(*map(_locals, node.values()))


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (_INDENT + line for line in lines)
