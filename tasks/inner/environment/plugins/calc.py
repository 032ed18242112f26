"""Works out whole-number arithmetic."""

import ast
import operator

CAPABILITIES = ()
SIGNS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def value(node):
    """The value of a part of an expression. Raises ValueError for anything but + - * of whole numbers."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
        return SIGNS[type(node.op)](value(node.left), value(node.right))
    raise ValueError("not whole-number arithmetic")


def run(argument):
    """The value of an expression, as a text."""
    try:
        return str(value(ast.parse(argument, mode="eval").body))
    except SyntaxError as error:
        raise ValueError("not an expression") from error
