"""Configurations of transformers: what is called of the library, with what, and what is refused."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from archlab.audit.audit_request import Request
from archlab.audit.audit_targets import run_audits
from archlab.audit.input_spec import TensorSpec
from archlab.audit.targets import find_targets
from archlab.errors import InputError
from tests.audit import stand_ins

TEXT = {"vocab_size": 90, "max_position_embeddings": 32, "eos_token_id": 2, "pad_token_id": 0, "bos_token_id": 1}


@pytest.fixture
def library(monkeypatch):
    library = stand_ins.transformers()
    monkeypatch.setitem(sys.modules, "transformers", library)
    return library


def save(folder, name="config.json", **data):
    (folder / name).write_text(json.dumps({"model_type": "small", **data}))
    return folder / name


def called(folder, architecture, batch=3, **data):
    """What a model of this architecture is called with: the shape of each tensor."""
    (target,) = find_targets(f"hf:{save(folder, architectures=[architecture], **data)}")
    spec = target.inputs(target.make(), batch)
    assert not spec or not spec.args
    return spec and {name: tuple(value.shape) for name, value in spec.kwargs.items()}


def test_the_architecture_is_built_from_the_configuration_and_audited_with_a_mask(library, tmp_path):
    save(
        tmp_path,
        architectures=["Words"],
        attn_implementation="someone/kernel",
        text={"_attn_implementation": "x"},
        **TEXT,
    )
    for text in (f"hf:{tmp_path}", f"hf:{tmp_path}/config.json"):
        (audit,) = run_audits(Request(targets=(text,), batch=2)).audits
        assert (audit.name, audit.kind, audit.params, audit.device) == (text, "Words", 32, "meta")
        assert [i.shape for i in audit.inputs] == [(2, 32), (2, 32)]
    assert library.asked[0] == ("small", {"architectures": ["Words"], "text": {}, **TEXT})


def test_identifiers_are_ordinary_ones_and_the_last_ends_the_text(library, tmp_path):
    (target,) = find_targets(f"hf:{save(tmp_path, architectures=['Words'], **TEXT)}")
    given = target.inputs(target.make(), 2).kwargs
    assert given["input_ids"].tolist() == [[3] * 31 + [2]] * 2
    assert given["attention_mask"].all()


@pytest.mark.parametrize(
    ("architecture", "config", "shapes"),
    [
        ("Words", {}, {"input_ids": (3, 128), "attention_mask": (3, 128)}),
        (
            "Translates",
            {"is_encoder_decoder": True, "n_positions": 64},
            {"input_ids": (3, 64), "attention_mask": (3, 64), "decoder_input_ids": (3, 64)},
        ),
        ("Sees", {"image_size": 32, "num_channels": 1}, {"pixel_values": (3, 1, 32, 32)}),
        ("Sees", {"image_size": [32, 48]}, {"pixel_values": (3, 3, 32, 48)}),
        ("Sees", {"image_size": {"height": 16, "width": 8}, "num_frames": 4}, {"pixel_values": (3, 4, 3, 16, 8)}),
        ("Sees", {}, {"pixel_values": (3, 3, 224, 224)}),
        (
            "Both",
            {"text_config": {"max_position_embeddings": 16}, "vision_config": {"image_size": 32}},
            {"input_ids": (3, 16), "attention_mask": (3, 16), "pixel_values": (3, 3, 32, 32)},
        ),
        (
            "Both",
            {"image_token_id": 5, "text_config": {}, "vision_config": {}},
            {"input_ids": (3, 128), "attention_mask": (3, 128)},
        ),
        (
            "SeesAmongWords",
            {"image_token_id": 5, "image_size": [32, 48], "text_config": {}, "vision_config": {}},
            {"input_ids": (3, 6 + 128), "attention_mask": (3, 6 + 128), "pixel_values": (3, 3, 32, 48)},
        ),
        (
            "SeesBesideWords",
            {"image_size": 32},
            {"input_ids": (3, 128), "attention_mask": (3, 128), "pixel_values": (3, 3, 32, 32)},
        ),
        ("Hears", {}, {"input_values": (3, 16_000)}),
        ("Hears", {"num_mel_bins": 40, "max_length": 64}, {"input_values": (3, 64, 40)}),
        (
            "Listens",
            {"num_mel_bins": 80, "max_source_positions": 50, "is_encoder_decoder": True, "max_target_positions": 9},
            {"input_features": (3, 80, 100), "decoder_input_ids": (3, 9)},
        ),
        ("Listens", {"input_feat_per_channel": 80}, {"input_features": (3, 128, 80)}),
        ("Listens", {}, None),
        ("HearsAndReads", {"audio_config": {}}, None),
    ],
)
def test_a_model_is_called_by_its_kind(library, tmp_path, architecture, config, shapes):
    assert called(tmp_path, architecture, **config) == shapes


def test_sound_and_images_have_no_values_and_words_do(library, tmp_path):
    (target,) = find_targets(f"hf:{save(tmp_path, architectures=['Both'], text_config={}, vision_config={})}")
    given = target.inputs(target.make(), 1).kwargs
    assert isinstance(given["pixel_values"], TensorSpec)
    assert isinstance(given["input_ids"], torch.Tensor)


def test_what_sees_among_words_is_counted_with_one_image(library, tmp_path):
    config = {"image_token_id": 5, "image_size": 32, "vision_config": {}, "text_config": {}}
    path = save(tmp_path, architectures=["SeesAmongWords"], **config)
    (audit,) = run_audits(Request(targets=(f"hf:{path}",), batch=2)).audits
    assert (audit.device, audit.macs, audit.notes) == ("meta", 2 * 4 * 8 * 4, ())


def test_where_the_model_does_not_say_what_an_image_fills_a_note_says_that_there_was_none(
    library, tmp_path, monkeypatch
):
    path = save(tmp_path, architectures=["Words"], image_token_id=5)

    def forward(self, input_ids, pixel_values=None, attention_mask=None):
        return self.head.weight.sum()

    monkeypatch.setattr(library.Words, "forward", forward)
    (audit,) = run_audits(Request(targets=(f"hf:{path}",))).audits
    assert audit.notes == (
        "It is called with words alone, so what sees images does not run: describe a call that has one with --input.",
    )


def test_images_have_the_type_of_the_weights(library, tmp_path):
    (target,) = find_targets(f"hf:{save(tmp_path, architectures=['Sees'])}")
    given = target.inputs(target.make().bfloat16(), 1).kwargs
    assert given["pixel_values"].dtype is torch.bfloat16


def test_no_pretrained_part_is_asked_for(library, tmp_path):
    path = save(
        tmp_path, architectures=["Words"], use_pretrained_backbone=True, text_config={"use_pretrained_backbone": 1}
    )
    config = find_targets(f"hf:{path}")[0].make().config
    assert not config.use_pretrained_backbone
    assert not config.text_config.use_pretrained_backbone


def test_without_an_architecture_it_is_the_model_of_its_type(library, tmp_path):
    assert type(find_targets(f"hf:{save(tmp_path)}")[0].make()) is stand_ins.Words


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"auto_map": {"AutoModel": "code.Net"}}, "its model's code is no part of hf"),
        ({"text_config": {"auto_map": {"AutoModel": "a--code.Net"}}}, "has an auto_map"),
        ({"architectures": ["Word"]}, "transformers has no model 'Word'"),
        ({"architectures": ["CONFIG_MAPPING"]}, "CONFIG_MAPPING of transformers is no torch module"),
        ({"architectures": ["NeedsMore"]}, "cannot be imported: No module named 'timm'"),
        ({"model_type": "smal"}, "did you mean small"),
    ],
)
def test_what_is_no_model_of_the_library_is_refused(library, tmp_path, data, message):
    with pytest.raises(InputError) as refused:
        find_targets(f"hf:{save(tmp_path, **data)}")
    assert message in str(refused.value)


def test_a_name_is_not_looked_up_and_a_missing_library_is_named(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such file") as refused:
        find_targets("hf:org/model")
    assert "nothing is downloaded" in refused.value.hint
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match="transformers cannot be imported") as refused:
        find_targets(f"hf:{save(tmp_path)}")
    assert refused.value.hint == "pip install transformers"
