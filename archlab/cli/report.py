"""``archlab report``: the page of a search's result, and pages that need none."""

from __future__ import annotations

from pathlib import Path

import click

from archlab.cli.completions import complete_result
from archlab.cli.help_text import command, in_group
from archlab.cli.pages import OWN_PAGES, open_option, open_page, refuse_unknown_page, write_own_page
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.errors import printable


@command(
    examples=(
        "archlab report out/mobile/result.json --out report.html",
        "archlab report gallery",
        "archlab report blocks --open",
        "archlab report roi --out roi.html",
    )
)
@click.argument("result", type=click.Path(path_type=Path), shell_complete=complete_result)
@in_group("Output")(
    "--out",
    type=click.Path(path_type=Path),
    help="Write the page to this file.  [default: report.html beside RESULT, or gallery.html, roi.html or blocks.html]",
)
@open_option
@quiet_option()
def report(result: Path, out: Path | None, opened: bool) -> None:
    """Make the HTML report of a search's RESULT file again, or a page of its own.

    With `gallery` in place of a file it is the page of the shipped networks; with `blocks`, one that explains
    convolutions and what they cost; with `roi`, one RoI as each RoI operator reads it. The gallery links to the page
    of blocks, which is written beside it where there is none.
    """
    if str(result) in OWN_PAGES:
        with progress("drawing") as tell:
            written = write_own_page(str(result), out, lambda name: tell(f"drawing {name}"))
    else:
        refuse_unknown_page(result)
        from archlab.report.search_page import write_report
        from archlab.search.result import read_result

        written = (out or result.parent / "report.html",)
        with progress(f"reading {result}") as tell:
            found = read_result(result)
            tell(f"drawing the page of {len(found.trials):,} trials")
            write_report(found, written[0])
    for path in written:
        click.echo(printable(str(path)))
    if opened:
        open_page(written[0])
