"""Our own small transformers: an encoder-decoder and a decoder, from text to text.

Made to be trained from scratch in seconds on one thread, and to write thousands of completions a second. A public
checkpoint of somebody else's is not read here.
"""

from winnow.errors import EnvironmentFault

try:
    import safetensors
    import torch
except ModuleNotFoundError as missing:
    raise EnvironmentFault(
        str(missing.name), "is not installed, and our small models need it", "pip install 'winnow-data[train]'"
    ) from missing

from winnow.models.completion import Beams, Completion, DecodingMethod, Greedy, Sampling
from winnow.models.tiny.config import ModelConfig
from winnow.models.tiny.model import TinyModel
from winnow.models.tiny.vocabulary import Vocabulary

__all__ = [
    "Beams",
    "Completion",
    "DecodingMethod",
    "Greedy",
    "ModelConfig",
    "Sampling",
    "TinyModel",
    "Vocabulary",
    "safetensors",
    "torch",
]
