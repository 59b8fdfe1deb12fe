"""What to do next with a search's pick, as commands: on its files in the search's folder, and the search itself."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from archlab.search.choices import TRIALS
from archlab.search.result import SearchResult

_SAYS_TRIALS = re.compile(r"--trials(=|$)|-[a-z]*n\d*$")
"""A word that says how many trials there are to be, or seems to."""
_PLAINLY = re.compile(r"(--trials[= ]|-n ?)(\d+)(?: (.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NextCommand:
    """A command and what it is for; ``remark`` says what to put in."""

    title: str
    command: str
    remark: str = ""


def next_commands(result: SearchResult) -> tuple[NextCommand, ...]:
    """Return how to look at the pick, export it, train it and search on; nothing without a finalist.

    Paths are as seen from the search's folder, where the page is; the last command runs where the search ran.
    """
    if not result.finalists:
        return ()
    pick = result.finalists[0]
    text, stem = shlex.quote(pick.file), shlex.quote(pick.file.rpartition("/")[2].removesuffix(".arch"))
    weights = f" --weights {shlex.quote(pick.kept[''])}" if "" in pick.kept else ""
    rows = [
        NextCommand("Look at it", f"archlab show {text}"),
        NextCommand("Export it", f"archlab export {text}{weights} --to onnx --out {stem}.onnx",
                    "" if weights else "It has no trained weights yet; train it first for more than its speed."),
    ]  # fmt: skip
    if result.data is None and not weights:
        command = f"archlab train {text} --data FOLDER"
        rows.append(NextCommand("Train it", command, "FOLDER has a folder of images for each class."))
    again = search_on(result.command, sum(trial.state == "scored" for trial in result.trials))
    if again:
        rows.append(NextCommand("Search on", again, "The same study goes on with twice the trials."))
    return tuple(rows)


def search_on(command: str, done: int = 0) -> str:
    """Return the command of a search with twice its trials; empty where it is no command line.

    Args:
        done: how many were evaluated, where the command does not plainly say how many were asked for.

    >>> search_on("archlab search mobile -b macs=300M -n 60")
    'archlab search mobile -b macs=300M -n 120'
    >>> search_on("archlab search mobile")
    'archlab search mobile --trials 120'
    >>> search_on("archlab search -qn 8 -- mobile", 8)
    'archlab search -qn 8 --trials 16 -- mobile'
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    if words[:2] != ["archlab", "search"] or len(words) < 3:
        return ""
    said = [i for i, word in enumerate(words) if _SAYS_TRIALS.match(word)]
    if len(said) == 1 and "--" not in words and (found := _PLAINLY.fullmatch(" ".join(words[said[0] : said[0] + 2]))):
        option, number, rest = found.groups()
        words[said[0] : said[0] + 2] = shlex.split(f"{option}{2 * int(number)}") + ([rest] if rest else [])
        return shlex.join(words)
    more = ["--trials", str(2 * (done if said and done else TRIALS))]  # of several the last one counts
    end = words.index("--") if "--" in words else len(words)
    return shlex.join([*words[:end], *more, *words[end:]])
