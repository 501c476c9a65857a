"""Our small transformers, an encoder-decoder and a decoder, from text to text.

They are trained from scratch in seconds on one thread and write thousands of completions a second. Public checkpoints
are not read here but in `winnow.models.huggingface`.
"""

from winnow.errors import EnvironmentFault

try:
    import safetensors  # noqa: F401  # only to report here what is missing
    import torch  # noqa: F401
except ModuleNotFoundError as missing:
    problem = "is not installed, but the small models need it"
    raise EnvironmentFault(str(missing.name), problem, "pip install 'winnow-data[train]'") from missing

from winnow.models.completion import Beams, Completion, DecodingMethod, Greedy, Sampling
from winnow.models.tiny.model import TinyModel
from winnow.models.tiny.vocabulary import Vocabulary
from winnow.models.tiny_config import ModelConfig

__all__ = ["Beams", "Completion", "DecodingMethod", "Greedy", "ModelConfig", "Sampling", "TinyModel", "Vocabulary"]
