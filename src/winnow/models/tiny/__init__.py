"""Our own small transformers: an encoder-decoder and a decoder, from text to text.

Made to be trained from scratch in seconds on one thread, and to write thousands of completions a second. A public
checkpoint of somebody else's is not read here.
"""

from winnow.data.errors import EnvironmentFault

try:
    import safetensors
    import torch
except ModuleNotFoundError as missing:
    raise EnvironmentFault(
        str(missing.name), "is not installed, and our small models need it", "pip install 'winnow-data[train]'"
    ) from missing

from winnow.models.tiny.shape import Shape
from winnow.models.tiny.tiny import Tiny
from winnow.models.tiny.vocabulary import Vocabulary
from winnow.models.writing import Beams, Completion, Greedy, How, Sampling

__all__ = ["Beams", "Completion", "Greedy", "How", "Sampling", "Shape", "Tiny", "Vocabulary", "safetensors", "torch"]
