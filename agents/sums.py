"""Tools of the planner: arithmetic."""

import ast
import math
import operator
from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from shared.tools.port import ToolFault

_OPERATIONS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def calculate(expression: Annotated[str, Field(min_length=1, max_length=200)]) -> float:
    """Calculate an arithmetic expression, such as 12.5 * (3 + 4).

    Args:
        expression: Numbers, + - * / // % and parentheses.
    """
    try:
        return _rounded(_value(ast.parse(expression.strip(), mode="eval").body))
    except ZeroDivisionError:
        raise ToolFault("That divides by zero.") from None
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        raise ToolFault(
            "That cannot be calculated. Use numbers, + - * / // % and parentheses."
        ) from None


def _rounded(number: float) -> float:
    """Without what binary fractions leave behind the twelfth digit."""
    if not math.isfinite(number):
        raise OverflowError
    return round(number, 12)


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATIONS:
            return _OPERATIONS[type(operation)](_value(left), _value(right))
    raise ValueError
