"""What the graph of an exported program asks torch to do while it is read, apart from counting operators.

Torch evaluates sizes with sympy, which evaluates Python; it looks operators up as attributes, ``torch.os.system`` too;
it writes names of arguments into a function; and it imports what a description of nested arguments names.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_ARITHMETIC = "add sub mul truediv floordiv mod pow neg pos abs eq ne lt le gt ge and_ or_ xor not_ invert getitem"
_HIGHER = "cond while_loop map_impl scan associative_scan wrap_with_set_grad_enabled wrap_with_autocast"
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|torchvision|quantized|quantized_decomposed|archlab)\.(?!from_file\b)\w+(\.\w+)?"
    rf"|torch\.ops\.higher_order\.({_HIGHER.replace(' ', '|')})"
    rf"|_operator\.({_ARITHMETIC.replace(' ', '|')})"
    r"|math\.\w+|torch\._?sym_\w+"
)
"""Operators whose calls compute and do nothing else; ``from_file`` opens one."""

_NAME = re.compile(r"\w*")
_TEXT = re.compile(r"[\w.+-]{1,64}")
_SPEC_TYPES = frozenset(
    {None, "builtins.tuple", "builtins.list", "builtins.dict", "builtins.NoneType", "collections.OrderedDict"}
)
_MOST_TEXT, _MOST_NUMBER, _MOST_POWER = 10_000, 2**63, 64
_EXPRESSION = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator, ast.unaryop, ast.boolop,
               ast.cmpop, ast.expr_context, ast.Name, ast.keyword)  # fmt: skip


def code_in_graph(program: Any) -> Iterator[str]:
    """Yield what in a program, as the JSON of its graph, could make torch run more than operators."""
    todo = [program]
    while todo:
        value = todo.pop()
        if isinstance(value, Mapping):
            yield from _in_object(value)
            todo += value.values()
        elif isinstance(value, list):
            todo += value


def _in_object(value: Mapping[str, Any]) -> Iterator[str]:
    if "target" in value and "inputs" in value and not _is_operator(value["target"]):
        yield f"the operator {value['target']}"
    if "as_operator" in value and not _is_operator(value["as_operator"]):
        yield f"the operator {value['as_operator']}"
    if "expr_str" in value and not _is_size(value["expr_str"]):
        yield f"the size {value['expr_str']}"
    names = [value.get("name"), value.get("as_name"), *(value.get("forward_arg_names") or ())]
    yield from (f"the name {name}" for name in names if isinstance(name, str) and not _NAME.fullmatch(name))
    for key in ("in_spec", "out_spec"):
        if isinstance(value.get(key), str) and value[key] and not _is_spec(value[key]):
            yield f"the arguments {value[key]}"


def _is_operator(target: object) -> bool:
    return isinstance(target, str) and _OPERATOR.fullmatch(target) is not None


def _is_size(text: object) -> bool:
    """Return whether a size is arithmetic alone, as sympy writes it: no attribute, no function of Python's."""
    if not isinstance(text, str) or len(text) > _MOST_TEXT or "\n" in text or "#" in text:
        return False
    try:
        return all(map(_is_arithmetic, ast.walk(ast.parse(text, mode="eval"))))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False


def _is_arithmetic(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=bool() | None):
            return True
        case ast.Constant(value=int() | float() as number):
            return abs(number) <= _MOST_NUMBER
        case ast.Constant(value=str() as word):
            return _TEXT.fullmatch(word) is not None
        case ast.BinOp(op=ast.Pow(), right=power):
            return _is_small(power)
        case ast.Call(func=ast.Name(id=name), args=args):
            # Sympy's classes begin with a capital; Python's functions do not.
            return name[:1].isupper() and (not name.startswith("Pow") or (len(args) == 2 and _is_small(args[1])))
        case _:
            return isinstance(node, _EXPRESSION) and not getattr(node, "id", "").startswith("__")


def _is_small(power: ast.expr) -> bool:
    """Return whether an exponent is a number that takes no time to raise to."""
    if isinstance(power, ast.Call) and isinstance(power.func, ast.Name) and power.func.id in ("Integer", "Rational"):
        return bool(power.args) and all(map(_is_small, power.args))
    if isinstance(power, ast.UnaryOp):
        return _is_small(power.operand)
    return isinstance(power, ast.Constant) and isinstance(power.value, int) and abs(power.value) <= _MOST_POWER


def _is_spec(text: str) -> bool:
    """Return whether a description of nested arguments has containers of Python's alone, under plain names."""
    try:
        todo = [json.loads(text)[1]]
        while todo:
            spec = todo.pop()
            context = json.loads(spec["context"] or "null")
            names = context if isinstance(context, list) else [] if context is None else [context]
            if spec["type"] not in _SPEC_TYPES or not all(map(_is_key, names)):
                return False
            todo += spec["children_spec"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return False
    return True


def _is_key(key: object) -> bool:
    return isinstance(key, int) or (isinstance(key, str) and re.fullmatch(r"[\w.-]*", key) is not None)
