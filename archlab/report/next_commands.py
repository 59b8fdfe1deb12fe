"""What to do next with a search's pick: commands that run where the search ran."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from archlab.search.choices import TRIALS
from archlab.search.result import SearchResult


@dataclass(frozen=True, slots=True)
class NextCommand:
    """A command and what it is for; ``remark`` says what to put in."""

    title: str
    command: str
    remark: str = ""


def next_commands(result: SearchResult) -> tuple[NextCommand, ...]:
    """Return how to look at the pick, export it, train it and search on; nothing without a finalist.

    Paths are as the search's folder was given; of a result that is in no file, as seen from that folder.
    """
    if not result.finalists:
        return ()
    pick = result.finalists[0]
    where = pick.folder

    def path(file: str) -> str:
        return shlex.quote(str(where / file) if where is not None else file)

    text, stem = path(pick.file), path(pick.file.rpartition("/")[2].removesuffix(".arch"))
    weights = f" --weights {path(pick.kept[''])}" if "" in pick.kept else ""
    rows = [
        NextCommand("Look at it", f"archlab show {text}"),
        NextCommand("Export it", f"archlab export {text}{weights} --to onnx --out {stem}.onnx",
                    "" if weights else "It has no trained weights yet; train it first for more than its speed."),
    ]  # fmt: skip
    if result.data is None and not weights:
        command = f"archlab train {text} --data FOLDER"
        rows.append(NextCommand("Train it", command, "FOLDER has a folder of images for each class."))
    again = search_on(result.command)
    if again:
        rows.append(NextCommand("Search on", again, "The same study goes on with twice the trials."))
    return tuple(rows)


def search_on(command: str) -> str:
    """Return the command of a search with twice its trials; empty where it is no command line.

    >>> search_on("archlab search mobile -b macs=300M -n 60")
    'archlab search mobile -b macs=300M -n 120'
    >>> search_on("archlab search mobile")
    'archlab search mobile --trials 120'
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    if words[:2] != ["archlab", "search"] or len(words) < 3:
        return ""
    for i, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in ("--trials", "-n") and not equals and i + 1 < len(words) and words[i + 1].isdigit():
            words[i + 1] = str(2 * int(words[i + 1]))
            return shlex.join(words)
        attached = value if option == "--trials" else word[2:] if word.startswith("-n") and word[2:].isdigit() else ""
        if attached.isdigit():
            words[i] = f"{'--trials=' if option == '--trials' else '-n'}{2 * int(attached)}"
            return shlex.join(words)
    return shlex.join([*words, "--trials", str(2 * TRIALS)])
