"""Audits for the terminal: the same content as ``--json``, as tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from archlab.audit.audit_result import Audit
from archlab.audit.audit_run import AuditRun
from archlab.audit.breakdown import largest_first, totals_by_op
from archlab.audit.conventions import FLOPS_NOTE
from archlab.audit.counts import Counts
from archlab.audit.findings import Backward, Module, Part, Peer
from archlab.audit.formats.columns import COLUMNS, Column, latency_text
from archlab.audit.formats.interface import DEFAULTS, Options
from archlab.audit.formats.layer_columns import LAYER_HEADINGS, layer_cells, layers_of
from archlab.audit.formats.several_models import MODELS, print_comparison, print_models
from archlab.errors import printable
from archlab.ir import show_shape
from archlab.report.network_tables import predicted_line
from archlab.report.structure_tables import STRUCTURE_HEADINGS, print_structure
from archlab.report.suggestion_table import print_suggestions
from archlab.report.terminal_tables import console_for, print_fitted, print_lines, safe, share, table_of
from archlab.units import format_bytes, format_count

_SHARE_AFTER = "macs"
_MOST_ROWS = 40
_WIDTH_IN_A_PIPE = 220
_SPARE = (
    "dilation",
    "padding",
    "ops/byte",
    "bias",
    "norm",
    "pool",
    "elementwise",
    "bytes",
    "calls",
    "groups",
    "input",
    "stride",
    "kernel",
    "own time",
    "activations",
    "memory",
    "share",
    "class",
)
"""Columns that leave where the table does not fit, the first first."""

HEADINGS = (
    "class",
    "calls",
    "share",
    *(column.heading for column in COLUMNS),
    *LAYER_HEADINGS,
    *MODELS,
    "ratio",
    *STRUCTURE_HEADINGS,
)
"""The columns of all tables, which a reader may choose from."""


def render(run: AuditRun, options: Options, /) -> str:
    """Return one model in full, several as one table or side by side; then what failed.

    The text is as wide and as colourful as standard output allows.
    """
    console = console_for(_WIDTH_IN_A_PIPE)
    found = run.audits
    with console.capture() as captured:
        if options.structure:
            for audit in found:
                _print_blocks(console, audit, options)
        elif options.compare and len(found) > 1:
            print_comparison(console, found, options)
        elif len(found) == 1:
            print_audit(console, found[0], options)
        elif found:
            print_models(console, found, options)
        print_lines(console, (f"failed  {printable(f.name)}: {printable(f.reason)}" for f in run.failures))
        for other in options.what_ifs:
            print_suggestions(
                console,
                other.suggestions,
                f"what could save MACs in {printable(other.name)}",
                other.reason,
                kept=other.kept,
            )
    return captured.get()


def _print_blocks(console: Console, audit: Audit, options: Options) -> None:
    """Print one model's totals and the blocks that it is made of; without these, why they are not known."""
    print_lines(console, [Text.from_markup(_title(audit)).plain], "bold")
    print_lines(console, total_lines(audit))
    if audit.structure is not None:
        print_structure(console, audit.structure, options.columns)
    if audit.no_structure is not None:
        print_lines(console, [f"its structure is not known: {printable(audit.no_structure)}"])
    print_lines(console, (f"note    {printable(note)}" for note in audit.notes))


def print_audit(console: Console, audit: Audit, options: Options = DEFAULTS) -> None:
    """Print one model: its totals, its table, its peak, and all that a reader must know to trust them."""
    table = audit_table(audit, options)
    print_lines(console, [Text.from_markup(str(table.title)).plain], "bold")
    print_lines(console, total_lines(audit))
    table.title = None
    print_fitted(console, table, _SPARE, options.columns)
    print_lines(console, audit_lines(audit))


def audit_table(audit: Audit, options: Options = DEFAULTS) -> Table:
    """Return the table of one model, with all of its columns."""
    title = _title(audit)
    if options.by == "op":
        columns = [column for column in COLUMNS if not column.of_modules_only]
        table = table_of("operator", "calls", *_headings(columns), title=title)
        for total in largest_first(totals_by_op(audit.operators)):
            table.add_row(safe(total.op), str(total.calls), *_cells(columns, total, audit))
    else:
        modules = audit.by_stage() if options.by == "stage" else _modules_to_show(audit, options.depth)
        table = table_of(options.by, "class", "calls", *_headings(COLUMNS), *LAYER_HEADINGS, title=title)
        layers = layers_of(audit)
        for module in modules:
            name = module.path
            if options.by == "module":
                name = "  " * module.depth + module.path.rpartition(".")[2]
            calls = str(module.calls or "")
            cells = (*_cells(COLUMNS, module, audit), *layer_cells(layers.get(module.path), audit.shapes))
            table.add_row(safe(name) or "(whole)", safe(module.kind), calls, *cells)
    table.add_section()
    return table


def _title(audit: Audit) -> str:
    inputs = ", ".join(show_shape(i.shape) + ("" if i.dtype == "float32" else f" {i.dtype}") for i in audit.inputs)
    return f"{safe(audit.name)}  {inputs}"


def total_lines(audit: Audit) -> Iterable[str]:
    """Yield what stands above the table: the totals, and how MACs and FLOPs relate."""
    yield (
        f"params {audit.params:,}  MACs {audit.macs:,}  FLOPs {2 * audit.macs:,}  activations {audit.activations:,}"
        f"  peak memory {format_bytes(audit.memory)}"
    )
    yield FLOPS_NOTE
    if audit.latency is not None:
        yield f"time  {latency_text(audit.latency)}"
    if audit.predicted is not None:
        yield predicted_line(audit.predicted)


def _modules_to_show(audit: Audit, depth: int | None) -> list[Module]:
    """Return the modules down to ``depth``; without one, as deep as a screen allows."""
    if depth is None:
        depth = next((d for d in (4, 3, 2) if sum(m.depth <= d for m in audit.modules) <= _MOST_ROWS), 1)
    return [m for m in audit.modules if m.depth <= depth and (m.operators or m.params)]


def _headings(columns: Iterable[Column]) -> list[str]:
    headings = []
    for column in columns:
        headings += [column.heading, "share"] if column.key == _SHARE_AFTER else [column.heading]
    return headings


def _cells(columns: Iterable[Column], item: Counts, audit: Audit) -> list[str]:
    """Return the numbers of a row; those that are zero are left blank."""
    cells = []
    for column in columns:
        value = column.value(item)
        cells.append(_module_cell(column, item) if isinstance(item, Module) else column.text(item) if value else "")
        if column.key == _SHARE_AFTER:
            cells.append(share(item.macs, audit.macs) if item.macs else "")
    return cells


def _module_cell(column: Column, module: Module) -> str:
    """Return a module's number: it always has parameters, and memory where an operator ran in it."""
    text = column.text(module)
    if column.key == "params":
        return f"{text} *" if module.shared else text
    if column.key == "memory":
        return text if module.operators else ""
    return text if column.value(module) else ""


def _backward_lines(back: Backward) -> Iterable[str]:
    """Yield what a training step adds to the forward."""
    memory = format_bytes(back.memory)
    yield f"backward  MACs {back.macs:,}, all operations {back.operations:,}; the step's memory {memory}"
    for row in back.uncounted:
        yield f"NOT COUNTED in the backward pass  {row.op} x {row.times}"


def audit_lines(audit: Audit) -> Iterable[str]:
    """Yield what stands below the table: what a reader must know to trust it."""
    if audit.peak.bytes:
        alive = ", ".join(f"{printable(name)} {format_bytes(size)}" for name, size in audit.peak.live[:4])
        yield f"peak at {printable(audit.peak.operator)}: {alive}"
    for shared in audit.shared:
        yield f"shared *  {printable(' = '.join(shared.names))} ({format_count(shared.params)} params, counted once)"
    yield from map(_part_line, audit.parts)
    if audit.deployed is not None and (audit.deployed.folded or audit.deployed.merged):
        after = audit.deployed
        how = " and ".join(
            ["branches merged"] * after.merged + [f"{after.folded} batch norms folded"] * bool(after.folded)
        )
        yield (
            f"deployed  params {after.params:,}  MACs {after.macs:,}  norm {after.norm:,}  bias {after.bias:,}  ({how})"
        )
    if audit.active_params is not None:
        yield f"experts   {audit.active_params:,} of {audit.params:,} params are used for one token"
    if audit.backward is not None:
        yield from _backward_lines(audit.backward)
    for convention in audit.conventions[1:]:
        yield f"{convention.name:<28} {convention.total:>18,}  {convention.made_of}"
    for peer in audit.peers:
        yield from _peer_lines(peer)
    for row in audit.uncounted:
        places = ", ".join(row.modules[:3]) + (", …" if len(row.modules) > 3 else "")
        yield f"NOT COUNTED  {row.op} x {row.times} in {printable(places) or 'the model itself'}"
    if not audit.uncounted:
        yield "every operator is counted"
    if audit.reason:
        how = "ran for real, since without data" if audit.device == "real" else "ran without data, at the second try:"
        yield f"{how}: {printable(audit.reason)}"
    for note in audit.notes:
        yield f"note    {printable(note)}"


def _part_line(part: Part) -> str:
    return (
        f"part    {part.name}: {format_count(part.each)} MACs per {part.unit}"
        f" x {part.times:,} = {format_count(part.macs)}"
    )


def _peer_lines(peer: Peer) -> Iterable[str]:
    if peer.failed is not None:
        yield f"{peer.name:<28} failed: {printable(peer.failed)}"
        return
    verdict = "equal" if peer.equal else "DIFFERENT"
    if peer.equal and peer.compared:
        verdict = f"equal on {peer.compared} operators"
    params = f"  params {peer.params:,}" if peer.params is not None else ""
    yield f"{peer.name:<28} {peer.macs or 0:>18,}  MACs{params}  {verdict}"
    for difference in peer.differences:
        yield f"    {printable(difference.what)}: {difference.theirs:,}, ours {difference.ours:,}: {difference.cause}"
    if peer.uncounted:
        yield f"    it does not count: {', '.join(f'{name} x {n}' for name, n in peer.uncounted.items())}"
