"""The mutants of a file: each replaces one piece of its text by another, as a hand that slips would.

Left alone are annotations, docstrings, decorators and what a person reads (messages, help, f-strings): a slip there is
seen by readers, not by tests.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

COMPARE = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
BINARY = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "//"), ast.Pow: ("**", "*"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
}  # fmt: skip
TWINS = [("min", "max"), ("any", "all"), ("minimum", "maximum"), ("mean", "sum"), ("floor", "ceil"), ("zeros", "ones"),
         ("argmin", "argmax"), ("cos", "sin"), ("exp", "log"), ("var", "std")]  # fmt: skip
TWIN = dict(TWINS) | {b: a for a, b in TWINS}
OPERATOR = re.compile(r" ?(is not|not in|[^\s()]+) ?")
COMMA = re.compile(r",[, \n]*")
# Arguments that a person reads, or that guard what never happens (zip's strict): left as they are.
READ = {"help", "metavar", "description", "epilog", "prog", "usage", "strict", "stacklevel"}


@dataclass(frozen=True)
class Mutant:
    """`old`, at characters start … of the file, becomes `new`."""

    file: str
    start: int
    old: str
    new: str
    kind: str
    line: int
    last_line: int  # of the statement
    code: str  # the statement's first line, by which the mutant is found again in a later version of the file
    nth: int = 0  # among those that look alike

    @property
    def key(self) -> str:
        return "|".join((self.file, self.code, self.kind, self.old, self.new, str(self.nth)))

    @property
    def id(self) -> str:
        return hashlib.sha256(self.key.encode()).hexdigest()[:12]

    def applied(self, source: str) -> str:
        end = self.start + len(self.old)
        assert source[self.start : end] == self.old, self
        return source[: self.start] + self.new + source[end:]

    def __str__(self) -> str:
        return f"{self.id} {self.file}:{self.line} {self.kind}: {self.old!r} → {self.new!r}   in: {self.code}"


def mutants(root: Path, file: str) -> list[Mutant]:
    """All of one file, in the order of its text; a few of them do not compile."""
    source = (root / file).read_text(encoding="utf-8")
    seen: Counter[str] = Counter()
    found = []
    for mutant in sorted(set(Finder(file, source).all()), key=lambda m: (m.start, m.kind, m.new)):
        found.append(replace(mutant, nth=seen[mutant.key]))
        seen[mutant.key] += 1
    return found


def slips(root: Path, file: Path) -> list[Mutant]:
    """Changes by hand, each [old, new] under its file; whose text is no longer there is left out."""
    found = []
    for name, pairs in json.loads(file.read_text(encoding="utf-8")).items():
        source = (root / name).read_text(encoding="utf-8")
        for old, new in pairs:
            if source.count(old) == 1:
                start = source.index(old)
                line = source.count("\n", 0, start) + 1
                last = line + old.count("\n")
                found.append(Mutant(name, start, old, new, "slip", line, last, old.strip().splitlines()[0]))
    return found


def compiles(root: Path, mutant: Mutant) -> bool:
    """Whether the mutant is a program: swapped arguments, one of them named, are none."""
    try:
        compile(mutant.applied((root / mutant.file).read_text(encoding="utf-8")), "mutant", "exec")
    except SyntaxError:
        return False
    return True


class Finder:
    """Walks the syntax tree of one file."""

    def __init__(self, file: str, source: str) -> None:
        self.file, self.source, self.lines = file, source, source.splitlines(keepends=True)
        self.begins = [0]
        for line in self.lines:
            self.begins.append(self.begins[-1] + len(line))

    def all(self) -> Iterator[Mutant]:
        for statement in ast.walk(ast.parse(self.source)):
            if isinstance(statement, ast.stmt):
                yield from self.of_statement(statement)

    def of_statement(self, statement: ast.stmt) -> Iterator[Mutant]:
        for node in _own(statement):
            for start, end, new, kind in self.changes(node, statement):
                old = self.source[start:end]
                if old != new:
                    code = self.lines[statement.lineno - 1].strip()
                    line = self.source.count("\n", 0, start) + 1
                    yield Mutant(self.file, start, old, new, kind, line, _last_line(statement), code)

    def changes(self, node: ast.AST, statement: ast.stmt) -> Iterator[tuple[int, int, str, str]]:
        """(start, end, new text, kind) of each mutant of one node."""
        match node:
            case ast.Compare(ops=[op], comparators=[right]):
                yield *self.between(node.left, right), f" {COMPARE[type(op)]} ", "comparison"
            case ast.BinOp(op=ast.BitOr()) if statement.col_offset == 0:  # an alias of types
                pass
            case ast.BinOp(op=op) if type(op) in BINARY and not (_text(node.left) or _text(node.right)):
                old, new = BINARY[type(op)]
                start, end = self.between(node.left, node.right)
                yield start, end, self.source[start:end].replace(old, new, 1), "operator"
            case ast.AugAssign(op=op) if type(op) in BINARY:
                old, new = BINARY[type(op)]
                start, end = self.between(node.target, node.value)
                yield start, end, self.source[start:end].replace(old, new, 1), "operator"
            case ast.UnaryOp(op=ast.USub()):
                yield *self.span(node), f"({self.text(node.operand)})", "sign"
            case ast.UnaryOp(op=ast.Not()):
                yield *self.span(node), f"({self.text(node.operand)})", "not"
            case ast.BoolOp(values=[first, second, *_], op=op):
                yield *self.between(first, second), " or " if isinstance(op, ast.And) else " and ", "and, or"
            case ast.Constant(value=bool() as value):
                yield *self.span(node), str(not value), "constant"
            case ast.Constant(value=int() as value):
                yield *self.span(node), str(value + 1), "constant"
            case ast.Constant(value=float() as value):
                yield *self.span(node), repr(value * 2 or 1.0), "constant"
            case ast.If() | ast.While() | ast.IfExp() if not _negatable(node.test):
                yield *self.span(node.test), f"(not ({self.text(node.test)}))", "condition"
            case ast.comprehension(ifs=[test, *_]) if not _negatable(test):
                yield *self.span(test), f"(not ({self.text(test)}))", "condition"
            case ast.Expr(value=ast.Call()):
                yield *self.span(node), "pass", "statement left out"
            case ast.Call():
                yield from self.of_call(node)
            case ast.Tuple(elts=items) | ast.List(elts=items) if isinstance(node.ctx, ast.Load):
                yield from self.swaps(items, "neighbours swapped")
            case ast.Dict(values=values):
                yield from self.swaps(values, "neighbours swapped")
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in TWIN and isinstance(node.ctx, ast.Load):
                end = self.span(node)[1]
                yield end - len(name), end, TWIN[name], "twin"
            case ast.Slice(lower=lower, upper=upper):
                for bound in (lower, upper):
                    if bound is not None:
                        yield *self.span(bound), "", "bound left out"

    def of_call(self, node: ast.Call) -> Iterator[tuple[int, int, str, str]]:
        yield from self.swaps(node.args, "arguments swapped")
        named = [k for k in node.keywords if k.arg is not None]
        yield from self.swaps([k.value for k in named], "arguments swapped")
        for keyword in named:
            if keyword.arg not in READ:
                start, end = self.span(keyword)
                comma = COMMA.match(self.source, end)
                yield start, comma.end() if comma else end, "", "argument left out"

    def swaps(self, nodes: list[ast.expr], kind: str) -> Iterator[tuple[int, int, str, str]]:
        for a, b in pairwise(nodes):
            (start, end_a), (start_b, end) = self.span(a), self.span(b)
            if not (_text(a) and _text(b) and " " in self.text(a)):
                yield start, end, self.text(b) + self.source[end_a:start_b] + self.text(a), kind

    def span(self, node: ast.AST) -> tuple[int, int]:
        return self.place(node.lineno, node.col_offset), self.place(node.end_lineno, node.end_col_offset)

    def between(self, a: ast.AST, b: ast.AST) -> tuple[int, int]:
        """The operator between two nodes, with a space on each side where there is one."""
        found = OPERATOR.search(self.source, self.span(a)[1], self.span(b)[0])
        assert found, ast.unparse(a)
        return found.span()

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.source[start:end]

    def place(self, line: int, column: int) -> int:
        """Columns of the syntax tree count bytes."""
        return self.begins[line - 1] + len(self.lines[line - 1].encode()[:column].decode())


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement that belong to no statement inside it, and that tests could see."""
    if isinstance(statement, ast.Raise | ast.Import | ast.ImportFrom | ast.Assert):
        return
    if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
        return
    if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
        return
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        roots = [] if isinstance(statement, ast.ClassDef) else [*statement.args.defaults, *statement.args.kw_defaults]
        todo = [root for root in roots if root is not None]
    else:
        todo = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.keyword) and node.arg in READ:
            continue
        yield node
        for name, value in ast.iter_fields(node):
            if name == "annotation":
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not isinstance(child, ast.stmt | ast.JoinedStr | ast.ExceptHandler):
                    todo.append(child)


def _negatable(test: ast.expr) -> bool:
    """Whether another mutant already negates this test."""
    single = isinstance(test, ast.Compare) and len(test.ops) == 1
    return (single and isinstance(test.ops[0], ast.Eq | ast.NotEq | ast.Is | ast.IsNot | ast.In | ast.NotIn)) or (
        isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    )


def _text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _last_line(statement: ast.stmt) -> int:
    """Of a compound statement, the last line of its head."""
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if not body:
        return statement.end_lineno or statement.lineno
    return max(statement.lineno, getattr(body[0], "lineno", statement.lineno + 1) - 1)
