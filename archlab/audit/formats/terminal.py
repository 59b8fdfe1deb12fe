"""Audits for the terminal: the same content as ``--json``, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from archlab.audit.conventions import NOTE, conventions
from archlab.audit.counted import Module
from archlab.audit.gate import Breach
from archlab.audit.many import Outcome, audits, failures
from archlab.audit.peer import Peer
from archlab.audit.result import Audit
from archlab.audit.rows import ratios, totals
from archlab.errors import printable
from archlab.ir import show_shape
from archlab.report.terminal_tables import console_for, share, table_of
from archlab.units import format_bytes, format_count

_COLUMNS = (
    "params",
    "MACs",
    "share",
    "bias",
    "norm",
    "pool",
    "elementwise",
    "activations",
    "bytes",
    "ops/byte",
    "memory",
)
_MOST = 40
_WIDE = 220


def print_audits(outcomes: Sequence[Outcome], by: str, depth: int | None, compare: bool) -> None:
    """One model in full, several as one table, or side by side; then what failed."""
    found = audits(outcomes)
    if compare and len(found) > 1:
        print_comparison(found)
    elif len(found) == 1:
        print_audit(found[0], by, depth)
    elif found:
        print_models(found)
    console = console_for(_WIDE)
    for failure in failures(outcomes):
        console.print(f"failed  {_safe(failure.name)}: {_safe(failure.reason)}", soft_wrap=True)


def print_audit(audit: Audit, by: str, depth: int | None) -> None:
    """One model: its table, its totals, its peak, and all that a reader must know to trust them."""
    console = console_for(_WIDE)
    inputs = ", ".join(show_shape(i.shape) + ("" if i.dtype == "float32" else f" {i.dtype}") for i in audit.inputs)
    title = f"{_safe(audit.name)}  {inputs}"
    if by == "op":
        table = table_of("operator", "calls", *_COLUMNS[1:-1], title=title)
        for op, row in sorted(audit.by_op().items(), key=lambda item: (-item[1]["macs"], -item[1]["written"])):
            work = 2 * row["macs"] + row["bias"] + row["norm"] + row["pool"] + row["elementwise"]
            table.add_row(_safe(op), str(row["calls"]), *_cells(row, audit, work))
    else:
        modules = audit.by_stage() if by == "stage" else _shown(audit, depth)
        table = table_of(by, "class", "calls", *_COLUMNS, title=title)
        for module in modules:
            table.add_row(*_module(module, audit, indent=by == "module"))
    table.add_section()
    console.print(table)
    console.print(
        f"params {audit.params:,}  MACs {audit.macs:,}  activations {audit.activations:,}"
        f"  peak memory {format_bytes(audit.memory)}"
    )
    _print_findings(audit)
    console.print(NOTE, style="dim")


def _shown(audit: Audit, depth: int | None) -> list[Module]:
    """The modules down to ``depth``; without one, as deep as a screen allows."""
    if depth is None:
        depth = next((d for d in (4, 3, 2) if sum(m.depth <= d for m in audit.modules) <= _MOST), 1)
    return [m for m in audit.modules if m.depth <= depth and (m.operators or m.params)]


def _module(module: Module, audit: Audit, indent: bool) -> tuple[str, ...]:
    name = "  " * module.depth + module.path.rpartition(".")[2] if indent else module.path
    row = {
        name: getattr(module, name)
        for name in ("macs", "bias", "norm", "pool", "elementwise", "activations", "read", "written")
    }
    work = 2 * module.macs + module.bias + module.norm + module.pool + module.elementwise
    params = format_count(module.params) + (" *" if module.shared else "")
    memory = format_bytes(module.memory) if module.operators else ""
    return (
        _safe(name) or "(whole)",
        _safe(module.kind),
        str(module.calls or ""),
        params,
        *_cells(row, audit, work),
        memory,
    )


def _cells(row: dict[str, int], audit: Audit, work: int) -> tuple[str, ...]:
    moved = row["read"] + row["written"]
    counts = (
        format_count(row[name]) if row[name] else "" for name in ("bias", "norm", "pool", "elementwise", "activations")
    )
    return (
        format_count(row["macs"]) if row["macs"] else "",
        share(row["macs"], audit.macs) if row["macs"] else "",
        *counts,
        format_bytes(moved) if moved else "",
        f"{work / moved:.1f}" if moved and work else "",
    )


def _print_findings(audit: Audit) -> None:
    console = console_for(_WIDE)

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    if audit.peak.bytes:
        alive = ", ".join(f"{printable(name)} {format_bytes(size)}" for name, size in audit.peak.live[:4])
        say(f"peak at {printable(audit.peak.operator)}: {alive}")
    for shared in audit.shared:
        say(f"shared *  {printable(' = '.join(shared.names))} ({format_count(shared.params)} params, counted once)")
    for part in audit.parts:
        say(f"part    {part.name}: {format_count(part.each)} MACs a{'n' * (part.unit == 'image')} {part.unit}"
            f" x {part.times:,} = {format_count(part.macs)}")  # fmt: skip
    if audit.deployed is not None and (audit.deployed.folded or audit.deployed.merged):
        after = audit.deployed
        how = " and ".join(
            ["branches merged"] * after.merged + [f"{after.folded} batch norms folded"] * bool(after.folded)
        )
        say(
            f"deployed  params {after.params:,}  MACs {after.macs:,}  norm {after.norm:,}  bias {after.bias:,}  ({how})"
        )
    for said in conventions(audit)[1:]:
        say(f"{said.name:<28} {said.total:>18,}  {said.made_of}")
    for peer in audit.peers:
        _print_peer(peer, say)
    if audit.uncounted:
        for row in audit.uncounted:
            places = ", ".join(row.modules[:3]) + (", …" if len(row.modules) > 3 else "")
            say(f"NOT COUNTED  {row.op} x {row.times} in {printable(places) or 'the model itself'}")
    else:
        say("every operator is counted")
    if audit.reason:
        what = "ran for real, since without data" if audit.device == "real" else "ran without data, at the second try:"
        say(f"{what}: {printable(audit.reason)}")
    for note in audit.notes:
        say(f"note    {printable(note)}")


def _print_peer(peer: Peer, say: Any) -> None:
    if peer.failed is not None:
        say(f"{peer.name:<28} failed: {printable(peer.failed)}")
        return
    verdict = (
        f"equal on {peer.compared} operators"
        if peer.equal and peer.compared
        else "equal"
        if peer.equal
        else "DIFFERENT"
    )
    params = f"  params {peer.params:,}" if peer.params is not None else ""
    say(f"{peer.name:<28} {peer.macs or 0:>18,}  MACs{params}  {verdict}")
    for difference in peer.differences:
        say(f"    {printable(difference.what)}: {difference.theirs:,}, ours {difference.ours:,}: {difference.cause}")
    if peer.uncounted:
        say(f"    it does not count: {', '.join(f'{name} x {n}' for name, n in peer.uncounted.items())}")


# --- several models ----------------------------------------------------------------------------------------------


def print_models(found: Sequence[Audit]) -> None:
    """Several models in one table, a row each."""
    console = console_for(_WIDE)
    table = table_of(
        "model", "input", "params", "MACs", "activations", "memory", "deployed params", "not counted", "ran"
    )
    for audit in found:
        after = audit.deployed.params if audit.deployed else audit.params
        missing = sum(row.times for row in audit.uncounted)
        table.add_row(
            _safe(audit.name),
            " ".join(show_shape(i.shape) for i in audit.inputs[:3]),
            format_count(audit.params),
            format_count(audit.macs),
            format_count(audit.activations),
            format_bytes(audit.memory),
            format_count(after),
            str(missing or ""),
            "for real" if audit.device == "real" else "",
        )
    console.print(table)
    console.print(NOTE, style="dim")


def print_comparison(found: Sequence[Audit]) -> None:
    """Models side by side: in total, with ratios to the first, and stage by stage."""
    console = console_for(_WIDE)
    names = [_safe(audit.name) for audit in found]
    table = table_of(
        "", *(n for i, name in enumerate(names) for n in ([name] if i == 0 else [name, "ratio"])), title="in total"
    )
    against = ratios(found[0], found[1:])
    for metric in totals(found[0]):
        form = format_bytes if metric.endswith("bytes") or metric in ("memory", "read", "written") else format_count
        cells = [form(getattr(found[0], metric))]
        for audit, ratio in zip(found[1:], against, strict=True):
            cells += [form(getattr(audit, metric)), f"{ratio[metric]:.3f}" if metric in ratio else ""]
        table.add_row(metric, *cells)
    console.print(table)
    table = table_of("stage", *(n for name in names for n in (name, "MACs", "params")), title="by stage")
    stages = [audit.by_stage() for audit in found]
    for number in range(max(map(len, stages))):
        cells = []
        for own in stages:
            stage = own[number] if number < len(own) else None
            cells += (
                [_safe(stage.path), format_count(stage.macs), format_count(stage.params)] if stage else ["", "", ""]
            )
        table.add_row(str(number + 1), *cells)
    console.print(table)
    console.print(NOTE, style="dim")


def breach_lines(found: Sequence[Breach]) -> list[str]:
    """One line for each limit that is broken."""
    return [f"archlab: over the limit: {breach}" for breach in found]


def _safe(text: str) -> str:
    """A model's or layer's own name: it may hold anything, markup and control characters too."""
    return escape(printable(text))
