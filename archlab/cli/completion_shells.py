"""How shells ask for completions and are answered: ``_ARCHLAB_COMPLETE=bash_source archlab`` prints a shell's script.

click has the protocol. Its script for bash takes a line apart at every ``=`` and ``:``, of which budgets, holes and
names of models are full, and puts a space behind ``macs=``; those for zsh do the latter too.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from archlab.cli.completions import OPEN
from archlab.errors import InputError

VARIABLE = "_ARCHLAB_COMPLETE"
_SPECIAL = re.compile(r"[^\w@%+=:,./~-]")
"""What bash would read as something else than itself."""

_BASH = """\
%(complete_func)s() {
    local kind value
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            open) compopt -o nospace; COMPREPLY+=("$value") ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1")
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a whole described open_whole open_described response
    local kind value said
    (( ! $+commands[%(prog_name)s] )) && return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \\
%(complete_var)s=zsh_complete %(prog_name)s)}")
    for kind value said in ${response}; do
        case "$kind:$said" in
            dir:*) _path_files -/ ;;
            file:*) _path_files -f ;;
            open:_) open_whole+=("$value") ;;
            open:*) open_described+=("$value:$said") ;;
            *:_) whole+=("$value") ;;
            *) described+=("$value:$said") ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#open_described )) && _describe -V unsorted open_described -U -S ''
    (( $#whole )) && compadd -U -V unsorted -a whole
    (( $#open_whole )) && compadd -U -V unsorted -S '' -a open_whole
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""


class Bash(BashComplete):
    """bash, which tells the line up to the cursor, and replaces what stands behind the last of its word breaks."""

    source_template = _BASH
    _word, _is_quoted = "", False

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the whole words of the line, and the one that is being typed."""
        line = os.environ["COMP_LINE"]
        words, self._is_quoted = split_arg_string(line), _is_open(line)
        ends = not words or (line[-1:].isspace() and not line.endswith("\\ "))
        args, self._word = (words, "") if ends else (words[:-1], words[-1])
        return args[1:], self._word

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return the kind, and what bash is to put in place of what it takes for the word."""
        breaks = "".join(set("=:") & set(os.environ.get("COMP_WORDBREAKS", "")))
        if self._is_quoted:
            return f"{item.type},{item.value}"
        before = re.split(f"([{breaks}])", self._word)[:-1] if breaks else []
        while before and not item.value.startswith("".join(before)):
            before = before[1:]
        return f"{item.type}," + _SPECIAL.sub(r"\\\g<0>", item.value[len("".join(before)) :])


def _is_open(line: str) -> bool:
    """Return whether a quotation is begun in ``line`` and not ended."""
    try:
        shlex.split(line.rstrip("\\"))
    except ValueError:
        return True
    return False


class Zsh(ZshComplete):
    """zsh, which puts no space behind a completion that goes on."""

    source_template = _ZSH


class Fish(FishComplete):
    """fish, which knows by itself that nothing follows an equals sign, a colon or a slash."""

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return the kind, the value, and what is said of it."""
        kind = "plain" if item.type == OPEN else item.type
        return super().format_completion(CompletionItem(item.value, kind, item.help))


SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def answer_shell(command: click.Command, instruction: str) -> str:
    """Return the script that a shell sources, or the completions that one asks for in its variables.

    Args:
        instruction: the value of ``_ARCHLAB_COMPLETE``, such as ``bash_source`` or ``bash_complete``.

    Raises:
        InputError: it names no shell.
    """
    shell, _, what = instruction.partition("_")
    if shell not in SHELLS or what not in ("source", "complete"):
        known = ", ".join(f"{name}_source" for name in SHELLS)
        raise InputError(
            f"{VARIABLE} is {instruction!r}, for which there is no script", hint=f"set it to one of {known}"
        )
    asked = SHELLS[shell](command, {}, "archlab", VARIABLE)
    return asked.source() if what == "source" else asked.complete() + "\n"
