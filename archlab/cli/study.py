"""The commands that look at studies."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from archlab.cli.help_text import group, in_group
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.errors import printable

if TYPE_CHECKING:
    from archlab.search.storage.check_study import StorageCheck, StudyCheck

_WIDTH_IN_A_PIPE = 80


@group(examples=("archlab study check out/mobile/study.journal",))
def study() -> None:
    """Look at the studies of searches, and mend them."""


@study.command(
    examples=(
        "archlab study check out/mobile/study.journal",
        "archlab study check sqlite:///study.db --json",
        "archlab study check postgresql://me@server/archlab",
    ),
    exit_codes={"0": "all is whole or mended", "1": "something is left as it is", "2": "there is no study"},
)
@click.argument("storage", metavar="FILE|URL", type=click.Path())
@in_group("Output")("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@quiet_option()
def check(storage: str, as_json: bool) -> None:
    """Say what is in the studies at FILE|URL, and mend what can be mended.

    Torn records are cut out of a journal, which is kept beside it as it was; trials whose process has ended are
    queued again; records that were told to nobody are taken in. What runs is left alone, and so are studies that are
    not archlab's. No whole evaluation is ever thrown away.
    """
    from archlab.search.storage.check_study import check_storage

    with progress("reading the studies"):
        found = check_storage(storage)
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(found), "whole": found.is_whole}, indent=1))
    else:
        from archlab.report.terminal_tables import console_for

        for line in check_lines(found, console_for(_WIDTH_IN_A_PIPE).width):
            click.echo(line)
    if not found.is_whole:
        raise click.exceptions.Exit(1)


def check_lines(found: StorageCheck, width: int = _WIDTH_IN_A_PIPE) -> list[str]:
    """Return what was found in lines of at most so many characters, but for names that are longer."""
    return [line for row in _rows(found) for line in _wrapped(row, width)]


def _rows(found: StorageCheck) -> Iterator[str]:
    """Yield what was found, a row for each fact."""
    count = len(found.studies)
    yield f"{found.where}: {count} {'study' if count == 1 else 'studies'}"
    if found.tears:
        cut = f"cut out; the file as it was is {found.backup}" if found.backup else "left where they are"
        yield f"torn records: {len(found.tears)}, {cut}"
        for tear in found.tears:
            made = ", a trial's creation, put back" if tear.is_creation else ""
            begins = printable(tear.begins)[:30] + ("…" if tear.length > 30 else "")
            yield f"  line {tear.line}: {tear.length} bytes{made}: {begins}"
    yield from (f"left: {each}" for each in found.left)
    for study in found.studies:
        yield from _study_rows(study)
    yield "all is whole" if found.is_whole else "not all could be mended"


def _study_rows(study: StudyCheck) -> Iterator[str]:
    states = ", ".join(f"{number} {state}" for state, number in study.trials.items()) or "none"
    wanted = "" if study.wanted is None else f" of {study.wanted}"
    done = f"{study.evaluated}{wanted} evaluations" if study.is_archlab else "not archlab's, described and not mended"
    yield f"{printable(study.name)}: {done}"
    yield f"  trials: {states}"
    for words, numbers in (
        ("running now", study.running),
        ("its process had ended, queued again", study.let_go),
        ("told nothing, queued again", study.untold),
        ("evaluated and told nothing, taken in", study.taken_in),
    ):
        if numbers and study.is_archlab:
            listed = ", ".join(map(str, numbers[:20])) + (f" and {len(numbers) - 20} more" if len(numbers) > 20 else "")
            yield f"  {words}: trial{'s' if len(numbers) > 1 else ''} {listed}"
    yield from (f"  left: {each}" for each in study.left)


def _wrapped(text: str, width: int) -> list[str]:
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    return textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
