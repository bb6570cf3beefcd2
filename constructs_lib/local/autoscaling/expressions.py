"""CloudWatch metric math, as far as scaling policies need it. Nothing is ever evaluated as Python.

The expression is parsed into Python's syntax tree and only the nodes named here are followed: numbers,
metric ids, ``+ - * /``, comparisons, ``FILL``, ``IF`` and the functions of :data:`_AGGREGATES` and
:data:`_EACH`. Anything else is a :class:`MetricMathError`, so that an unsupported expression is refused when
its policy is put, and not read as zero. (``^`` is left out: it binds differently in Python, and a wrong value
is worse than none.)
"""

from __future__ import annotations

import ast
import graphlib
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: A metric over time: the period's start → its value. A period without data has no entry.
Series = Mapping[float, float]
_Operand = Series | float


class MetricMathError(ValueError):
    """The expression is not metric math, or more than is supported here."""


_OPERATORS: dict[type[ast.operator | ast.cmpop], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right if right else math.nan,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def evaluate(expression: str, metrics: Mapping[str, Series], grid: tuple[float, ...]) -> Series:
    """The expression's value in each period of ``grid`` in which it has one."""
    result = _Evaluation(metrics, grid).of(_tree(expression))
    values = {start: _at(result, start) for start in grid}
    return {start: value for start, value in values.items() if value is not None and math.isfinite(value)}


def check(expression: str, ids: frozenset[str]) -> None:
    """Refuse an expression that is not supported or names a metric that is not among ``ids``."""
    _Evaluation({name: {} for name in ids}, ()).of(_tree(expression))


def in_order(queries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Metric data queries so that each comes after those that its expression names, however they were given."""
    by_id = {query["Id"]: query for query in queries}
    needs = {name: _names(query) & by_id.keys() for name, query in by_id.items()}
    try:
        return [by_id[name] for name in graphlib.TopologicalSorter(needs).static_order()]
    except graphlib.CycleError as error:
        raise MetricMathError(
            f"expressions name each other in a circle: {', '.join(error.args[1])}"
        ) from error


def _names(query: Mapping[str, Any]) -> set[str]:
    tree = _tree(query["Expression"]) if "Expression" in query else ast.Constant(0)
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _tree(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise MetricMathError(f"not metric math: {expression}") from error


def _at(operand: _Operand, start: float) -> float | None:
    return operand.get(start) if isinstance(operand, Mapping) else operand


class _Evaluation:
    """One walk over an expression."""

    def __init__(self, metrics: Mapping[str, Series], grid: tuple[float, ...]) -> None:
        self._metrics = metrics
        self._grid = grid

    def of(self, node: ast.expr) -> _Operand:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return float(number)
            case ast.Name(id=name):
                return self._metric(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._each(operator.neg, self.of(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return self._combine(op, left, right)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._combine(op, left, right)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name.upper(), arguments)
        raise MetricMathError(f"not supported in metric math here: {ast.unparse(node)}")

    def _metric(self, name: str) -> Series:
        if name not in self._metrics:
            raise MetricMathError(f"no metric has the id {name}")
        return self._metrics[name]

    def _combine(self, op: ast.operator | ast.cmpop, left: ast.expr, right: ast.expr) -> _Operand:
        function = _OPERATORS.get(type(op))
        if function is None:
            raise MetricMathError(f"operator not supported in metric math here: {type(op).__name__}")
        return self._each(function, self.of(left), self.of(right))

    def _call(self, name: str, arguments: list[ast.expr]) -> _Operand:
        if name == "FILL" and len(arguments) == 2:
            return self._fill(self.of(arguments[0]), arguments[1])
        if name in _AGGREGATES and len(arguments) == 1:
            return self._aggregate(_AGGREGATES[name], arguments[0])
        if name == "IF" and len(arguments) in (2, 3):
            return self._each(_if, *map(self.of, arguments))
        if name in _EACH and len(arguments) == 1:
            return self._each(_EACH[name], self.of(arguments[0]))
        raise MetricMathError(f"function not supported in metric math here: {name}/{len(arguments)}")

    def _aggregate(self, function: Callable[[Sequence[float]], float], argument: ast.expr) -> _Operand:
        """Of several metrics, a series; of one, a single number over all its periods. So does CloudWatch."""
        match argument:
            case ast.List(elts=elements):
                return self._across(function, [self.of(element) for element in elements])
            case ast.Call(func=ast.Name(id=name), args=[], keywords=[]) if name.upper() == "METRICS":
                return self._across(function, list(self._metrics.values()))
        operand = self.of(argument)
        if not isinstance(operand, Mapping):
            return operand
        return function(tuple(operand.values())) if operand else {}

    def _across(self, function: Callable[[Sequence[float]], float], operands: Sequence[_Operand]) -> Series:
        """Period by period, over those operands that have data."""
        result: dict[float, float] = {}
        for start in self._grid:
            known = [value for operand in operands if (value := _at(operand, start)) is not None]
            if known:
                result[start] = function(known)
        return result

    def _fill(self, operand: _Operand, filler: ast.expr) -> _Operand:
        """``FILL(m, 0)`` or ``FILL(m, REPEAT)``."""
        if isinstance(filler, ast.Name) and filler.id.upper() == "REPEAT":
            return self._repeated(operand)
        value = self.of(filler)
        filled = {start: _first(_at(operand, start), _at(value, start)) for start in self._grid}
        return {start: number for start, number in filled.items() if number is not None}

    def _repeated(self, operand: _Operand) -> Series:
        filled: dict[float, float] = {}
        last: float | None = None
        for start in self._grid:
            last = _first(_at(operand, start), last)
            if last is not None:
                filled[start] = last
        return filled

    def _each(self, function: Callable[..., float], *operands: _Operand) -> _Operand:
        """Period by period; one in which an operand has no data, or the result is no number, has no result."""
        if not any(isinstance(operand, Mapping) for operand in operands):
            return float(function(*operands))
        result: dict[float, float] = {}
        for start in self._grid:
            values = [_at(operand, start) for operand in operands]
            value = float(function(*values)) if None not in values else math.nan
            if math.isfinite(value):
                result[start] = value
        return result


def _first(value: float | None, otherwise: float | None) -> float | None:
    return otherwise if value is None else value


def _if(condition: float, then: float, otherwise: float = math.nan) -> float:
    return then if condition else otherwise


def _average(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


_AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": math.fsum,
    "AVG": _average,
    "MIN": min,
    "MAX": max,
}
_EACH: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
