"""The configurations of ``benchmarks.wild``: a line for each, with what it is called with."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Inputs = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """One configuration.

    Attributes:
        package: what must be installed.
        make: builds the model with random weights.
        inputs: makes its arguments.
        macs: by hand, where FlopCounterMode does not count what the forward does.
    """

    name: str
    package: str
    make: Callable[[], nn.Module]
    inputs: Callable[[], Inputs]
    macs: int | None = None


def _ids(batch: int = 2, length: int = 24) -> Tensor:
    return torch.arange(batch * length).reshape(batch, length) % 90 + 1


def _padded(batch: int = 2, length: int = 24) -> Tensor:
    """Return a mask in which the first sequence is shorter."""
    mask = torch.ones(batch, length, dtype=torch.long)
    mask[0, length // 2 :] = 0
    return mask


def _text(**more: Any) -> Callable[[], Inputs]:
    return lambda: ((), {"input_ids": _ids(), **{name: make() for name, make in more.items()}})


def _images(size: int = 64, channels: int = 3) -> Tensor:
    return torch.linspace(0, 1, 2 * channels * size * size).reshape(2, channels, size, size)


def _hf(
    name: str, model: str, config: str, inputs: Callable[[], Inputs], macs: int | None = None, **sizes: Any
) -> Case:
    """Return a configuration of transformers: the names of its classes, and what of the configuration is small."""

    def make() -> nn.Module:
        library = importlib.import_module("transformers")
        built: nn.Module = getattr(library, model)(getattr(library, config)(**sizes))
        return built

    return Case(name, "transformers", make, inputs, macs)


_SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
}
_LLAMA = {**_SMALL, "num_key_value_heads": 2, "max_position_embeddings": 64}
_D = {"d_model": 32, "vocab_size": 100}
_BART = {**_D, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
         "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 64}  # fmt: skip
_VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
           "image_size": 64, "patch_size": 16}  # fmt: skip
_masked = _text(attention_mask=_padded)
_no_cache = _text(attention_mask=_padded, use_cache=lambda: False)


def _speech() -> Inputs:
    return ((), {"input_values": torch.linspace(-1, 1, 3200).reshape(1, 3200)})


def _pixels(size: int = 64) -> Callable[[], Inputs]:
    return lambda: ((), {"pixel_values": _images(size)})


def _both() -> Inputs:
    return ((), {"input_ids": _ids(length=16), "attention_mask": _padded(length=16), "pixel_values": _images()})


def _of_experts(each: int) -> int:
    """Count by hand what FlopCounterMode does not: grouped products. ``each`` is one token's MACs with its experts."""
    tokens, layers, projections, router, head = 48, 2, 2 * 32 * 32 + 2 * 32 * 16, 32 * 4, 32 * 100
    attention = 2 * 4 * 24 * 24 * (8 + 8)
    return tokens * (layers * (projections + router + each) + head) + layers * attention


TRANSFORMERS = (
    _hf("bert", "BertModel", "BertConfig", _text(), **_SMALL),
    _hf("bert with a mask", "BertModel", "BertConfig", _masked, **_SMALL),
    _hf("bert for masked words", "BertForMaskedLM", "BertConfig", _masked, **_SMALL),
    _hf("roberta", "RobertaModel", "RobertaConfig", _masked, **_SMALL),
    _hf("distilbert", "DistilBertModel", "DistilBertConfig", _masked, dim=32, hidden_dim=64, n_layers=2, n_heads=4,
        vocab_size=100),
    _hf("albert", "AlbertModel", "AlbertConfig", _masked, embedding_size=16, **_SMALL),
    _hf("electra", "ElectraModel", "ElectraConfig", _masked, embedding_size=16, **_SMALL),
    _hf("mpnet", "MPNetModel", "MPNetConfig", _masked, **_SMALL),
    _hf("deberta v2", "DebertaV2Model", "DebertaV2Config", _masked, **_SMALL),
    _hf("modernbert", "ModernBertModel", "ModernBertConfig", _masked, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        cls_token_id=1, sep_token_id=2, **_SMALL),
    _hf("gpt2", "GPT2LMHeadModel", "GPT2Config", _text(), n_embd=32, n_layer=2, n_head=4, vocab_size=100),
    _hf("gpt2 with a mask", "GPT2LMHeadModel", "GPT2Config", _masked, n_embd=32, n_layer=2, n_head=4, vocab_size=100),
    _hf("gpt neox", "GPTNeoXForCausalLM", "GPTNeoXConfig", _masked, **_SMALL),
    _hf("opt", "OPTForCausalLM", "OPTConfig", _masked, hidden_size=32, ffn_dim=64, num_hidden_layers=2,
        num_attention_heads=4, vocab_size=100, word_embed_proj_dim=32),
    _hf("bloom", "BloomForCausalLM", "BloomConfig", _masked, hidden_size=32, n_layer=2, n_head=4, vocab_size=100),
    _hf("falcon", "FalconForCausalLM", "FalconConfig", _masked, hidden_size=32, num_hidden_layers=2,
        num_attention_heads=4, vocab_size=100),
    _hf("llama", "LlamaForCausalLM", "LlamaConfig", _text(), **_LLAMA),
    _hf("llama with a mask", "LlamaForCausalLM", "LlamaConfig", _masked, **_LLAMA),
    _hf("llama without a cache", "LlamaForCausalLM", "LlamaConfig", _no_cache, **_LLAMA),
    _hf("mistral, sliding window", "MistralForCausalLM", "MistralConfig", _masked, sliding_window=8, **_LLAMA),
    _hf("qwen2", "Qwen2ForCausalLM", "Qwen2Config", _masked, **_LLAMA),
    _hf("qwen3", "Qwen3ForCausalLM", "Qwen3Config", _masked, head_dim=8, **_LLAMA),
    _hf("gemma2", "Gemma2ForCausalLM", "Gemma2Config", _masked, head_dim=8, **_LLAMA),
    _hf("phi3", "Phi3ForCausalLM", "Phi3Config", _masked, pad_token_id=0, **_LLAMA),
    _hf("stablelm", "StableLmForCausalLM", "StableLmConfig", _masked, **_LLAMA),
    _hf("mixtral", "MixtralForCausalLM", "MixtralConfig", _masked, num_local_experts=4,
        macs=_of_experts(2 * (32 * 128 + 64 * 32)), **_LLAMA),
    _hf("qwen2 moe", "Qwen2MoeForCausalLM", "Qwen2MoeConfig", _masked, num_experts=4, num_experts_per_tok=2,
        moe_intermediate_size=32, shared_expert_intermediate_size=32,
        macs=_of_experts(2 * (32 * 64 + 32 * 32) + 3 * 32 * 32 + 32), **_LLAMA),
    _hf("t5", "T5Model", "T5Config", lambda: ((), {"input_ids": _ids(), "attention_mask": _padded(),
        "decoder_input_ids": _ids(length=8)}), d_kv=8, d_ff=64, num_layers=2, num_heads=4, **_D),
    _hf("bart", "BartModel", "BartConfig", _masked, **_BART),
    _hf("mbart", "MBartModel", "MBartConfig", _masked, **_BART),
    _hf("whisper", "WhisperModel", "WhisperConfig", lambda: ((), {
        "input_features": torch.zeros(1, 80, 128), "decoder_input_ids": _ids(1, 8)}), max_source_positions=64,
        max_target_positions=64, decoder_start_token_id=1, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        **{k: v for k, v in _BART.items() if k != "max_position_embeddings"}),
    _hf("vit", "ViTModel", "ViTConfig", _pixels(), **_VISION),
    _hf("deit", "DeiTModel", "DeiTConfig", _pixels(), **_VISION),
    _hf("beit", "BeitModel", "BeitConfig", _pixels(), **_VISION),
    _hf("dinov2", "Dinov2Model", "Dinov2Config", _pixels(), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        image_size=64, patch_size=16),
    _hf("swin", "SwinModel", "SwinConfig", _pixels(), image_size=64, embed_dim=16, depths=[1, 1], num_heads=[2, 4],
        window_size=4),
    _hf("convnext", "ConvNextModel", "ConvNextConfig", _pixels(), hidden_sizes=[8, 16, 32, 64], depths=[1, 1, 1, 1]),
    _hf("segformer", "SegformerModel", "SegformerConfig", _pixels(), hidden_sizes=[8, 16, 32, 64], depths=[1, 1, 1, 1]),
    _hf("mobilevit", "MobileViTModel", "MobileViTConfig", _pixels(), hidden_sizes=[16, 24, 32], image_size=64),
    _hf("wav2vec2", "Wav2Vec2Model", "Wav2Vec2Config", _speech, num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2, conv_dim=[16] * 7, **_SMALL),
    _hf("hubert", "HubertModel", "HubertConfig", _speech, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
        conv_dim=[16] * 7, **_SMALL),
    _hf("audio spectrogram", "ASTModel", "ASTConfig", lambda: ((), {"input_values": torch.zeros(1, 64, 32)}),
        max_length=64, num_mel_bins=32, **{k: v for k, v in _SMALL.items() if k != "vocab_size"}),
    _hf("clip", "CLIPModel", "CLIPConfig", _both, projection_dim=16,
        text_config={**_SMALL, "max_position_embeddings": 16, "eos_token_id": 2, "bos_token_id": 1, "pad_token_id": 0},
        vision_config=_VISION),
    _hf("siglip", "SiglipModel", "SiglipConfig", lambda: ((), {"input_ids": _ids(length=16),
        "pixel_values": _images()}), text_config={**_SMALL, "max_position_embeddings": 16, "projection_size": 32},
        vision_config=_VISION),
)  # fmt: skip


def _from(package: str, path: str, *args: Any, **kwargs: Any) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        module, _, name = path.rpartition(".")
        built: nn.Module = getattr(importlib.import_module(f"{package}.{module}" if module else package), name)(
            *args, **kwargs
        )
        return built

    return make


def _diffusion() -> Inputs:
    return ((torch.zeros(1, 4, 16, 16), torch.tensor([3]), torch.zeros(1, 7, 32)), {})


DIFFUSERS = (
    Case("unet with conditions", "diffusers", _from(
        "diffusers", "UNet2DConditionModel", sample_size=16, block_out_channels=(32, 64), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32, attention_head_dim=8, norm_num_groups=8), _diffusion),
    Case("unet", "diffusers", _from(
        "diffusers", "UNet2DModel", sample_size=16, in_channels=3, out_channels=3, block_out_channels=(32, 64),
        layers_per_block=1, down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"), norm_num_groups=8),
        lambda: ((torch.zeros(1, 3, 16, 16), torch.tensor([3])), {})),
    Case("autoencoder", "diffusers", _from(
        "diffusers", "AutoencoderKL", block_out_channels=(16, 32), norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2),
        lambda: ((torch.zeros(1, 3, 32, 32),), {})),
    Case("transformer, sd3", "diffusers", _from(
        "diffusers", "SD3Transformer2DModel", sample_size=16, patch_size=2, in_channels=4, num_layers=1,
        attention_head_dim=8, num_attention_heads=4, joint_attention_dim=32, caption_projection_dim=32,
        pooled_projection_dim=16, out_channels=4, pos_embed_max_size=16),
        lambda: ((torch.zeros(1, 4, 16, 16), torch.zeros(1, 7, 32), torch.zeros(1, 16), torch.tensor([3])), {})),
)  # fmt: skip


def _one(size: int = 64) -> Inputs:
    return ((_images(size)[:1],), {})


SEGMENTATION = tuple(
    Case(name.lower(), "segmentation_models_pytorch",
         _from("segmentation_models_pytorch", name, "resnet18", encoder_weights=None),
         lambda: _one(128))
    for name in ("Unet", "UnetPlusPlus", "FPN", "PSPNet", "DeepLabV3Plus", "Linknet", "MAnet", "PAN", "UPerNet")
)  # fmt: skip

MONAI = (
    Case("unet", "monai", _from("monai.networks.nets", "UNet", spatial_dims=3, in_channels=1, out_channels=2,
                                channels=(4, 8, 16), strides=(2, 2)), lambda: ((torch.zeros(1, 1, 16, 16, 16),), {})),
    Case("swin unetr", "monai",
         _from("monai.networks.nets", "SwinUNETR", in_channels=1, out_channels=2, feature_size=12),
         lambda: ((torch.zeros(1, 1, 64, 64, 64),), {})),
    Case("segresnet", "monai", _from("monai.networks.nets", "SegResNet", spatial_dims=2, init_filters=8),
         lambda: ((torch.zeros(1, 1, 32, 32),), {})),
)  # fmt: skip


def _graph() -> Inputs:
    edges = torch.tensor([[0, 1, 2, 3, 4, 5, 0], [1, 2, 3, 4, 5, 0, 3]])
    return ((torch.ones(6, 16), edges), {})


GRAPHS = tuple(
    Case(name.lower(), "torch_geometric", _from("torch_geometric.nn", name, 16, 32, 2, 8), _graph)
    for name in ("GCN", "GraphSAGE", "GIN", "GAT")
)  # fmt: skip

YOLO = tuple(
    Case(name, "ultralytics", _from("ultralytics.nn.tasks", kind, f"{name}.yaml", verbose=False), lambda: _one(128))
    for name, kind in (
        ("yolov8n", "DetectionModel"), ("yolo11n", "DetectionModel"), ("yolo11n-seg", "SegmentationModel"),
        ("yolo11n-cls", "ClassificationModel"), ("yolo12n", "DetectionModel"),
    )
)  # fmt: skip

CASES: tuple[Case, ...] = (*TRANSFORMERS, *DIFFUSERS, *SEGMENTATION, *MONAI, *GRAPHS, *YOLO)
