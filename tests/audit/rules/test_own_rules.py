"""Rules of users' own: by Python, by a file, by pyproject.toml; what is wrong with one is said."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.rules import own_rules
from archlab.errors import AuditError, InputError
from tests.audit.tracing.traps import Fn
from tests.waiting import DEADLINE


@torch.library.custom_op("archlab_own::rotate", mutates_args=())
def rotate(x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    return x @ by


rotate.register_fake(lambda x, by: x.new_empty(*x.shape[:-1], by.shape[-1]))


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    monkeypatch.setattr(own_rules, "_RULES", {})


def model():
    return Fn(lambda self, x: rotate(x, self.by), by=nn.Parameter(torch.ones(8, 4)))


def test_an_operator_is_counted_by_a_rule_of_ones_own_and_the_audit_says_so():
    assert [row.op for row in archlab.audit(model(), torch.ones(5, 8)).uncounted] == ["archlab_own.rotate.default"]
    archlab.audit_rule("archlab_own::rotate", macs=lambda args, out: out.numel() * args[1].shape[0], elementwise=3)
    audit = archlab.audit(model(), torch.ones(5, 8))
    assert (audit.macs, audit.elementwise, audit.activations, audit.uncounted) == (5 * 4 * 8, 3, 20, ())
    assert audit.notes == ("Counted by rules of your own: archlab_own::rotate.",)


def test_an_operator_that_archlab_counts_can_have_another_rule():
    archlab.audit_rule("aten::relu", elementwise=lambda args, out: 7)
    audit = archlab.audit(nn.ReLU(), torch.ones(5, 8))
    assert (audit.elementwise, audit.notes) == (7, ("Counted by rules of your own: relu.",))


def test_a_whole_of_other_operators_is_counted_as_a_whole():
    archlab.audit_rule("aten::einsum", macs=11)
    audit = archlab.audit(Fn(lambda self, x: torch.einsum("ij,kj->ik", x, x)), torch.ones(5, 8))
    assert (audit.macs, [o.op for o in audit.operators]) == (11, ["einsum"])


@pytest.mark.parametrize("name", ["rotate", "a::b::c", "", "mylib::rotate.default", "mylib:: rotate"])
def test_what_is_no_operators_name_is_refused(name):
    with pytest.raises(InputError, match="is no operator's name"):
        archlab.audit_rule(name, macs=1)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (lambda args, out: args[9], "IndexError: "),
        (lambda args, out: -1, "ValueError: -1 is no count"),
        (lambda args, out: "7", "ValueError: '7' is no count"),
        (True, "ValueError: True is no count"),
    ],
)
def test_a_rule_that_fails_is_named_with_what_it_says(amount, words):
    archlab.audit_rule("archlab_own::rotate", macs=amount)
    with pytest.raises(AuditError, match="the rule of your own for archlab_own::rotate fails at macs") as refused:
        archlab.audit(model(), torch.ones(5, 8))
    assert words in str(refused.value)


@pytest.mark.parametrize("way", ["option", "pyproject"])
def test_a_file_of_rules_is_read_by_the_command(tmp_path, way):
    (tmp_path / "rules.py").write_text("import archlab\narchlab.audit_rule('aten::relu', elementwise=1000)\n")
    (tmp_path / "net.py").write_text(
        textwrap.dedent("""\
        import torch

        def make():
            return torch.nn.ReLU(), (torch.ones(2, 3),)
        """)
    )
    if way == "pyproject":
        table = '[tool.archlab.audit]\ntargets = "net.py:make"\nrules = "rules.py"\n'
        (tmp_path / "pyproject.toml").write_text(table)
    words = ["net.py:make", "--rules", "rules.py"] if way == "option" else []
    command = [sys.executable, "-m", "archlab", "audit", "--json", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert '"elementwise": 1000' in done.stdout
