"""The architecture language: text to syntax tree and back."""

from archlab.grammar.adapt import with_classes, with_input, with_outputs
from archlab.grammar.parse import parse, parse_blocks, parse_file
from archlab.grammar.unparse import unparse, unparse_expr

__all__ = [
    "parse",
    "parse_blocks",
    "parse_file",
    "unparse",
    "unparse_expr",
    "with_classes",
    "with_input",
    "with_outputs",
]
