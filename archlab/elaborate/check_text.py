"""What must hold of a text whatever its holes are filled with: definitions, names, arguments, choices and ranges."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice

from archlab.elaborate.check_definitions import check_definitions
from archlab.elaborate.hints import called_stage, instead_of, signature
from archlab.elaborate.holes import hole_of, names_in
from archlab.elaborate.language import (
    CONSTANTS,
    DETECT,
    DETECT_PARTS,
    DETECT_USAGE,
    FORMS,
    FUNCTIONS,
    IDENTITIES,
    KEYWORDS,
    MULTIPLIERS,
    NET_OPTIONS,
    TEXT_DEFAULTS,
    USAGE,
    ZERO,
    Callee,
    prelude,
)
from archlab.errors import ElaborationError, did_you_mean, quote
from archlab.grammar import ast, unparse_expr
from archlab.grammar.ast import place_in
from archlab.ops import OPAQUE, REQUIRED

MAX_OPTIONS = 1000
MAX_STEPS = 1_000_000
MAX_PARAMS = 64
_WRITE_RULE = "name vars, or holes by their paths, such as  require stage2.depth >= 2"


def check_text(architecture: ast.Architecture, callees: Mapping[str, Callee], resolved: Collection[int] = ()) -> None:
    """Raise where no draw could make ``architecture`` a network.

    ``resolved`` are the ids of the names that stand for named values, which are checked elsewhere.

    Raises:
        ElaborationError: a definition, a name, an argument, a choice or a range is wrong.
    """
    _Checker(architecture, callees, resolved).run()


class _Checker:
    """One walk over the whole text."""

    def __init__(
        self, architecture: ast.Architecture, callees: Mapping[str, Callee], resolved: Collection[int] = ()
    ) -> None:
        self.architecture = architecture
        self.resolved = resolved
        self.callees = callees
        self.vars = frozenset(var.name for var in architecture.vars)
        self.defining = ""  # the block whose body is checked, which it cannot call

    def run(self) -> None:
        arch = self.architecture
        check_definitions(arch, self.callees)
        self._options("a network", arch, NET_OPTIONS, frozenset())
        known: set[str] = set()
        for var in arch.vars:
            self._expr(var.value, known)
            known.add(var.name)
        for rule in arch.requires:
            self._rule(rule, rule.left)
            self._rule(rule, rule.right)
        for block in arch.blocks:
            self._block(block)
        for stage in arch.stages:
            self._options("a stage", stage, MULTIPLIERS, self.vars)
            in_stage = self if stage.name != DETECT else _Checker(arch, DETECT_PARTS)
            in_stage._expr(stage.body, self.vars | {*MULTIPLIERS})

    def _options(
        self, what: str, owner: ast.Architecture | ast.Stage, known: tuple[str, ...], names: Collection[str]
    ) -> None:
        seen: set[str] = set()
        for i, (option, value) in enumerate(owner.options):
            if option not in known:
                at = _key_at(owner, i)
                raise self._error(f"{what} has no option {quote(option)}", at, did_you_mean(option, known))
            if option in seen:
                raise self._error(f"{what} gets its option {option!r} twice", _key_at(owner, i), "remove one")
            seen.add(option)
            of_text = option in TEXT_DEFAULTS
            if of_text and "in" in names_in([value]):
                raise self._error("'in' has no channels here", _key_at(owner, i), "write a number, or make it a block")
            self._expr(value, self.vars if of_text else names)

    def _block(self, block: ast.Block) -> None:
        if len(block.params) > MAX_PARAMS:
            raise self._error(f"block {block.name} has more than {MAX_PARAMS} parameters", block.at)
        self.defining = block.name
        names: set[str] = {*self.vars, *MULTIPLIERS}
        params: set[str] = set()
        for param in block.params:
            if param.name in params:
                raise self._error(f"block {block.name} has two parameters {quote(param.name)}", param.at)
            if param.name in (*KEYWORDS, *CONSTANTS, *IDENTITIES, ZERO):
                raise self._error(f"{quote(param.name)} is a word of the language", param.at, "give it another name")
            if param.default is not None:
                self._expr(param.default, names)
            params.add(param.name)
            names.add(param.name)
        self._expr(block.body, names)
        self.defining = ""

    def _rule(self, rule: ast.Require, expr: ast.Expr) -> None:
        """Check one side of a rule: numbers, of vars, of holes by their paths, and of what is computed from them."""
        at = expr.at or rule.at
        match expr:
            case ast.Number() | ast.Binary() | ast.Negate() | ast.Conditional():
                pass
            case ast.Call(name=name) if name in FUNCTIONS:
                self._counted(expr, *FUNCTIONS[name])
            case ast.Name(name=name):
                stages = {stage.name for stage in self.architecture.stages}
                is_path = "." in name and (name.split(".")[0] in stages or name.split(".")[0] in self.vars)
                if not (is_path or name in self.vars or name in MULTIPLIERS):
                    near = did_you_mean(name, {*self.vars, *MULTIPLIERS})
                    raise self._error(f"a rule knows no {quote(name)}", at, near or _WRITE_RULE)
            case _:
                raise self._error("a rule compares numbers, and this is none", at, _WRITE_RULE)
        for child in ast.children(expr):
            self._rule(rule, child)

    # --- expressions ------------------------------------------------------------------------------------------------

    def _expr(self, expr: ast.Expr, names: Collection[str]) -> None:
        match expr:
            case ast.Call() | ast.Name() if id(expr) in self.resolved:
                pass
            case ast.Name():
                self._name(expr, names)
            case ast.Call():
                self._call(expr, names)
            case ast.Choice():
                self._choice(expr)
            case ast.Range():
                self._range(expr)
            case ast.Quoted(text=text):
                raise self._error(f'"{text}" stands in quotes', expr.at, "names stand without quotes, but for opaque's")
        for child in ast.children(expr):
            if not (isinstance(child, ast.Quoted) and isinstance(expr, ast.Call) and expr.name == OPAQUE):
                self._expr(child, names)

    def _name(self, expr: ast.Name, names: Collection[str]) -> None:
        name = expr.name
        if name in names or name in ("in", ZERO, *IDENTITIES, *CONSTANTS):
            return
        if name in FORMS or name in FUNCTIONS:
            raise self._error(f"{name} needs arguments", expr.at, f"write {USAGE[name]}")
        if "." in name:
            raise self._error(f"{quote(name)} is a path, which stands in a rule alone", expr.at, _WRITE_RULE)
        if name not in self.callees:
            raise self._unknown(name, expr.at, names)
        self._call(ast.Call(name, at=expr.at), ())

    def _call(self, call: ast.Call, names: Collection[str]) -> None:
        name = call.name
        if name in names:
            what = "var" if name in self.vars else "parameter"
            raise self._error(f"{quote(name)} is a {what}, which takes no arguments", call.at, f"write {name}")
        if name in (ZERO, *IDENTITIES, *CONSTANTS):
            raise self._error(f"{name} takes no arguments", call.at, f"write {name}")
        if name in FORMS or name in FUNCTIONS:
            self._counted(call, *(FORMS[name] if name in FORMS else FUNCTIONS[name]))
        elif name in self.callees:
            if name == self.defining and name in prelude():
                hint = f"give your block another name, such as own_{name}: the name means your block, here too"
                raise self._error(f"block {name} uses itself, not the language's {name}", call.at, hint)
            self._arguments(call)
        else:
            raise self._unknown(name, call.at, ())

    def _unknown(self, name: str, at: ast.At, names: Collection[str]) -> ElaborationError:
        if name in self.vars:
            return self._error(f"the var {quote(name)} cannot be used here", at, "define it before its use, above")
        if self.callees is DETECT_PARTS:
            known = {*names, *DETECT_PARTS, *FUNCTIONS} - {*MULTIPLIERS}
            return self._error(f"{DETECT} knows no {quote(name)}", at, did_you_mean(name, known) or DETECT_USAGE)
        if name in DETECT_PARTS:
            return self._error(f"{name} stands in the stage {DETECT} alone", at, f"write  {DETECT_USAGE}")
        if name in {stage.name for stage in self.architecture.stages}:
            return self._error(called_stage(name)[0], at, called_stage(name)[1])
        known = {*names, *self.callees, *FORMS, *FUNCTIONS, *IDENTITIES, ZERO, *CONSTANTS}
        return self._error(
            f"nothing is named {quote(name)}",
            at,
            instead_of(name, names) or did_you_mean(name, known - {self.defining}),
        )

    def _counted(self, call: ast.Call, least: int, most: int) -> None:
        """Check the arguments of a form or function, which have no names."""
        if call.keywords:
            key = quote(call.keywords[0][0])
            raise self._error(f"{call.name} has no argument named {key}", _key_at(call, 0), f"write {USAGE[call.name]}")
        if not least <= len(call.args) <= most:
            count = _plural(least, "argument") if least == most else f"{least} to {most} arguments"
            raise self._error(f"{call.name} takes {count}, not {len(call.args)}", call.at, f"write {USAGE[call.name]}")

    def _arguments(self, call: ast.Call) -> None:
        params = self.callees[call.name].params
        if len(call.args) > len(params):
            most = f"at most {_plural(len(params), 'argument')}, not {len(call.args)}" if params else "no arguments"
            raise self._error(f"{call.name} takes {most}", call.at, signature(call.name, params))
        if call.args and call.key_at and (call.args[-1].at or (0, 0)) > (call.key_at[0] or (0, 0)):
            key = call.keywords[0][0]
            raise self._error(
                f"{call.name} gets an argument without a name behind {key}=", call.args[-1].at, "put it first"
            )
        given = set(islice(params, len(call.args)))
        for i, (key, _) in enumerate(call.keywords):
            if key not in params:
                near = did_you_mean(key, params)
                hint = near if near and near.startswith("did") else signature(call.name, params)
                raise self._error(f"{call.name} has no argument {quote(key)}", _key_at(call, i), hint)
            if key in given:
                raise self._error(f"{call.name} gets its argument {key!r} twice", _key_at(call, i), "remove one")
            given.add(key)
        missing = [name for name, default in params.items() if default is REQUIRED and name not in given]
        if missing:
            hint = signature(call.name, params)
            raise self._error(f"{call.name} lacks its argument {missing[0]!r}", call.at, hint)

    def _choice(self, choice: ast.Choice) -> None:
        if len(choice.options) > MAX_OPTIONS:
            raise self._error(f"a choice has {len(choice.options)} options, more than {MAX_OPTIONS}", choice.at)
        seen: set[str] = set()
        for option in choice.options:
            text = unparse_expr(option)
            if text in seen:
                raise self._error(f"the choice holds {quote(text)} twice", option.at or choice.at, "remove one")
            seen.add(text)

    def _range(self, expr: ast.Range) -> None:
        if expr.lo > expr.hi:
            raise self._error(
                f"the range's bounds are reversed: {expr.lo} > {expr.hi}",
                expr.at,
                f"write [{expr.hi}..{expr.lo}]",
            )
        if expr.step is not None and expr.step <= 0:
            raise self._error(f"the range's step must be positive, not {expr.step}", expr.at)
        if expr.step is not None and (expr.hi - expr.lo) / expr.step > MAX_STEPS:
            raise self._error(f"the range has more than {MAX_STEPS} steps", expr.at)
        if expr.default is not None and not hole_of(expr, "").contains(expr.default):
            written = unparse_expr(ast.Range(expr.lo, expr.hi, expr.step))
            raise self._error(f"the default {expr.default} is not in {written}", expr.at)

    def _error(self, message: str, at: ast.At, hint: str | None = None) -> ElaborationError:
        return ElaborationError(message, place_in(self.architecture, at), hint)


def _key_at(node: ast.Call | ast.Architecture | ast.Stage, index: int) -> ast.At:
    """Return where the name of a keyword or option stands; for a node made by hand, where the node does."""
    return node.key_at[index] if index < len(node.key_at) else node.at


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
