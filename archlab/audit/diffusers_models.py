"""Models of diffusers from their ``config.json``: how each is built, and what the common ones are called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archlab.audit.input_spec import InputSpec, TensorSpec
from archlab.audit.model_config import class_named, import_library, read_config_of
from archlab.audit.no_downloads import nothing_downloaded

TOKENS = 77
LATENT_SIZE = 64
IMAGE_SIZE = 512


def diffusers_factory(source: str) -> Callable[[], Any]:
    """Return what builds the class that the configuration at ``source`` names, with random weights.

    Raises:
        InputError: it is no configuration of a model that diffusers has.
    """
    data = read_config_of(source, "diffusers")
    library = import_library("diffusers", "diffusers")
    named = class_named(library, data.get("_class_name"), source)

    def make() -> Any:
        with nothing_downloaded():
            return named.from_config(data)

    return make


def diffusers_inputs(model: Any, batch: int) -> InputSpec | None:
    """Return what a model of diffusers is called with; None for a class that is not one of those known here."""
    form = _FORMS.get(type(model).__name__)
    return None if form is None else InputSpec((), form(model.config, batch))


Form = Callable[[Any, int], dict[str, Any]]


def _latent(config: Any, batch: int) -> TensorSpec:
    size = getattr(config, "sample_size", None) or LATENT_SIZE
    height, width = size if isinstance(size, list | tuple) else (size, size)
    return TensorSpec((batch, config.in_channels, height, width))


def _step(batch: int) -> Any:
    import torch

    return torch.ones(batch, dtype=torch.int64)


def _unet(config: Any, batch: int) -> dict[str, Any]:
    return {"sample": _latent(config, batch), "timestep": _step(batch)}


def _unet_with_words(config: Any, batch: int) -> dict[str, Any]:
    wide = config.cross_attention_dim
    words = TensorSpec((batch, TOKENS, wide[0] if isinstance(wide, list | tuple) else wide))
    given = {**_unet(config, batch), "encoder_hidden_states": words}
    if getattr(config, "addition_embed_type", None) == "text_time":
        times = 6
        pooled = config.projection_class_embeddings_input_dim - times * config.addition_time_embed_dim
        given["added_cond_kwargs"] = {
            "text_embeds": TensorSpec((batch, pooled)),
            "time_ids": TensorSpec((batch, times)),
        }
    return given


def _autoencoder(config: Any, batch: int) -> dict[str, Any]:
    size = getattr(config, "sample_size", None) or IMAGE_SIZE
    height, width = size if isinstance(size, list | tuple) else (size, size)
    return {"sample": TensorSpec((batch, config.in_channels, height, width))}


def _with_classes(config: Any, batch: int) -> dict[str, Any]:
    given = {"hidden_states": _latent(config, batch), "timestep": _step(batch)}
    return {**given, "class_labels": _step(batch)}


def _sd3(config: Any, batch: int) -> dict[str, Any]:
    return {
        "hidden_states": _latent(config, batch),
        "encoder_hidden_states": TensorSpec((batch, TOKENS, config.joint_attention_dim)),
        "pooled_projections": TensorSpec((batch, config.pooled_projection_dim)),
        "timestep": _step(batch),
    }


def _flux(config: Any, batch: int) -> dict[str, Any]:
    image, words, axes = (LATENT_SIZE // 2) ** 2, 512, len(config.axes_dims_rope)
    given: dict[str, Any] = {
        "hidden_states": TensorSpec((batch, image, config.in_channels)),
        "encoder_hidden_states": TensorSpec((batch, words, config.joint_attention_dim)),
        "pooled_projections": TensorSpec((batch, config.pooled_projection_dim)),
        "timestep": TensorSpec((batch,)),
        "img_ids": TensorSpec((image, axes)),
        "txt_ids": TensorSpec((words, axes)),
    }
    return {**given, "guidance": TensorSpec((batch,))} if config.guidance_embeds else given


_FORMS: dict[str, Form] = {
    "UNet2DModel": _unet,
    "UNet2DConditionModel": _unet_with_words,
    "AutoencoderKL": _autoencoder,
    "AutoencoderTiny": _autoencoder,
    "VQModel": _autoencoder,
    "DiTTransformer2DModel": _with_classes,
    "SD3Transformer2DModel": _sd3,
    "FluxTransformer2DModel": _flux,
}
