"""Exported programs that run code when torch reads them: each is refused, runs nothing, and is audited with trust."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from archlab.audit.audit_request import Request
from archlab.audit.audit_targets import run_audits
from archlab.audit.pt2_code import code_in, refuse_code
from archlab.audit.targets import find_targets
from archlab.errors import InputError


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)
        self.constant = torch.ones(3)

    def forward(self, x, scale=None):
        return self.layer(x) * (self.constant if scale is None else scale)


class Writes:
    """When it is unpickled, a file appears."""

    def __init__(self, file: Path) -> None:
        self.file = str(file)

    def __reduce__(self):
        return exec, (f"open({self.file!r}, 'w').close()",)


def saved(value: object) -> bytes:
    written = io.BytesIO()
    torch.save(value, written)
    return written.getvalue()


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("pt2") / "plain.pt2"
    batch = torch.export.Dim("batch")
    program = torch.export.export(Model(), (torch.ones(2, 4),), dynamic_shapes={"x": {0: batch}})
    torch.export.save(program, path)
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "written_by_the_model"


def write(path: Path, parts: dict[str, bytes], prefix: str = "m/", compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(prefix + name, content)
    return path


def edited(parts: dict[str, bytes], name: str, edit) -> dict[str, bytes]:
    data = json.loads(parts[name])
    edit(data)
    return {**parts, name: json.dumps(data).encode()}


WEIGHTS, CONSTANTS = "data/weights/model_weights_config.json", "data/constants/model_constants_config.json"
SAMPLES, GRAPH = "data/sample_inputs/model.pt", "models/model.json"


def with_samples(parts, file):
    return {**parts, SAMPLES: saved(((torch.ones(2, 4), Writes(file)), {}))}


def with_pickled_samples(parts, file):
    return {**parts, SAMPLES: pickle.dumps(((torch.ones(2, 4), Writes(file)), {}))}


def with_pickled_weight(parts, file):
    parts = edited(parts, WEIGHTS, lambda d: d["config"]["layer.bias"].update(use_pickle=True, path_name="weight_9"))
    return {**parts, "data/weights/weight_9": saved([torch.ones(3), Writes(file)][1])}


def with_pickled_constant(parts, file):
    parts = edited(parts, CONSTANTS, lambda d: d["config"]["constant"].update(use_pickle=True, path_name="tensor_9"))
    return {**parts, "data/constants/tensor_9": saved(Writes(file))}


def with_opaque_constant(parts, file):
    parts = edited(parts, CONSTANTS, lambda d: d["config"].update(
        odd={"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}))  # fmt: skip
    return {**parts, "data/constants/opaque_obj_0": pickle.dumps(Writes(file))}


def with_older_weights(parts, file):
    return {**parts, "data/weights/model.pt": saved({"layer.weight": Writes(file)})}


PICKLED = [with_samples, with_pickled_samples, with_pickled_weight, with_pickled_constant, with_opaque_constant,
           with_older_weights]  # fmt: skip


def operator_of_the_system(data, file):
    node = data["graph_module"]["graph"]["nodes"][0]
    node["target"] = "torch.os.system"
    node["inputs"] = [{"name": "command", "arg": {"as_string": f"touch {file}"}, "kind": 1}]


def size_that_is_python(data, file):
    # Whatever calls a function by a small name: sympy knows Python's, `open` among them.
    node = data["graph_module"]["graph"]["nodes"][0]
    meta = data["graph_module"]["graph"]["tensor_values"][node["outputs"][0]["as_tensor"]["name"]]
    expression = f"exec(\"open('{file}', 'w').close()\")"
    meta["sizes"][0] = {"as_expr": {"expr_str": expression, "hint": None}}


def name_of_an_argument_that_is_python(data, file):
    for call in data["graph_module"]["module_call_graph"][:1]:
        call["signature"]["forward_arg_names"] = [f"x=open({str(file)!r}, 'w')", "scale=0"]


def import_of_a_module(data, file):
    (file.parent / "imported_by_a_model.py").write_text(f"open({str(file)!r}, 'w').close()", encoding="utf-8")
    context = {"default_factory_module": "imported_by_a_model", "default_factory_name": "x", "dict_context": "[]"}
    spec = [1, {"type": "collections.defaultdict", "context": context, "children_spec": []}]
    data["graph_module"]["module_call_graph"][0]["signature"]["out_spec"] = json.dumps(spec)


RUN_BY_TORCH = [size_that_is_python, import_of_a_module]
IN_THE_GRAPH = [*RUN_BY_TORCH, operator_of_the_system, name_of_an_argument_that_is_python]


def audited(path: Path, trust: bool):
    return run_audits(Request(targets=(str(path),), trust=trust)).outcomes


def test_a_plain_program_is_audited(parts, tmp_path):
    (audit,) = audited(write(tmp_path / "plain.pt2", parts), trust=False)
    assert (audit.params, audit.macs) == (15, 24)


@pytest.mark.parametrize("spoil", PICKLED)
def test_a_pickled_part_is_refused_and_runs_nothing(parts, tmp_path, file, spoil):
    path = write(tmp_path / "evil.pt2", spoil(parts, file))
    with pytest.raises(InputError) as caught:
        audited(path, trust=False)
    assert f"{path} has parts that can run code when they are read: data/" in caught.value.message
    assert "pickle" in caught.value.message
    assert caught.value.hint == "if you trust where it is from, audit it with --trust"
    assert not file.exists()
    audited(path, trust=True)
    assert file.exists(), "it does run code, or the test shows nothing"


@pytest.mark.parametrize("spoil", IN_THE_GRAPH)
def test_a_graph_that_says_more_than_operators_is_refused_and_runs_nothing(parts, tmp_path, file, spoil, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    path = write(tmp_path / "evil.pt2", edited(parts, GRAPH, lambda data: spoil(data, file)))
    with pytest.raises(InputError, match=r"has parts that can run code .*: models/model\.json \("):
        audited(path, trust=False)
    assert not file.exists()
    if spoil in RUN_BY_TORCH:
        audited(path, trust=True)
        assert file.exists(), "it does run code, or the test shows nothing"


def test_guards_are_python_and_not_run_without_trust(parts, tmp_path, file):
    def spoil(data):
        data["guards_code"] = [f"open({str(file)!r}, 'w')"]

    path = write(tmp_path / "guarded.pt2", edited(parts, GRAPH, spoil))
    audited(path, trust=False)
    assert not file.exists()
    audited(path, trust=True)
    assert file.exists()


def test_a_trusted_program_with_a_pickled_part_is_audited(parts, tmp_path):
    spoilt = edited(parts, WEIGHTS, lambda d: d["config"]["layer.bias"].update(use_pickle=True, path_name="weight_9"))
    path = write(tmp_path / "kind.pt2", {**spoilt, "data/weights/weight_9": saved(torch.nn.Parameter(torch.ones(3)))})
    with pytest.raises(InputError, match=r"data/weights/weight_9 \(the pickle of layer\.bias\)"):
        refuse_code(path)
    (audit,) = audited(path, trust=True)
    assert (audit.params, audit.macs) == (15, 24)


def test_the_format_that_torch_falls_back_on_is_refused(parts, tmp_path, file):
    older = {
        "version": b"8.20",
        "serialized_exported_program.json": parts[GRAPH],
        **dict.fromkeys(("serialized_state_dict.pt", "serialized_constants.pt"), saved({})),
        "serialized_example_inputs.pt": saved(Writes(file)),
    }
    path = write(tmp_path / "older.pt2", older, prefix="")
    with pytest.raises(InputError, match=r"the format of torch 2\.7, all of it pickles"):
        audited(path, trust=False)
    assert not file.exists()


def test_capitals_and_names_that_come_twice_hide_nothing(parts, tmp_path, file):
    hidden = {name: content for name, content in parts.items() if name != SAMPLES}
    hidden["DATA/Sample_Inputs/model.PT"] = saved(Writes(file))
    assert any("Sample_Inputs" in each for each in code_in(write(tmp_path / "capitals.pt2", hidden)))
    hidden[SAMPLES] = parts[SAMPLES]
    assert "parts of one name" in " ".join(code_in(write(tmp_path / "twice.pt2", hidden)))


def test_what_is_compressed_or_compiled_is_refused(parts, tmp_path):
    packed = write(tmp_path / "packed.pt2", parts, compression=zipfile.ZIP_DEFLATED)
    assert any("compressed" in each for each in code_in(packed))
    native = write(tmp_path / "native.pt2", {**parts, "data/aotinductor/model/model.so": b""})
    assert list(code_in(native)) == ["data/aotinductor/model/model.so (compiled code)"]


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(200), b"x" * 100])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "broken.pt2"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.pt2 is no exported program: "):
        find_targets(str(path))


@pytest.mark.parametrize("name", [GRAPH, WEIGHTS])
@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b'{"config": 3}', b"\xff"])
def test_a_part_that_is_no_json_is_refused(parts, tmp_path, name, content):
    path = write(tmp_path / "broken.pt2", {**parts, name: content})
    try:
        assert list(code_in(path)) == []
    except InputError as error:
        assert "is no exported program" in error.message  # noqa: PT017


@pytest.mark.parametrize("text", ["weights.pt", "model.PTH", "script.jit", "x.ckpt", "a.safetensors"])
def test_weights_and_pickles_are_not_read_at_all(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    Path(text).write_bytes(saved(torch.ones(1)))
    with pytest.raises(InputError, match="is not read: reading a pickle runs code") as caught:
        find_targets(text)
    assert "torch.export.save" in caught.value.hint
