"""What logits say: how likely the tokens were that came, and what could have come, worked out where the logits are.

A vocabulary is large, so time goes by the passes over it. The log-probability of the token that came takes one fused
pass, over few rows at a time, which stay in the cache; candidates are looked for at the wanted positions alone, and in
a large vocabulary only in the parts that can hold them. Written for torch tensors, on whatever device they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from winnow.models.prior import Ask, Candidates, Part
from winnow.models.windows import Window

IN_CACHE = 1 << 18
"""Numbers that are worked on at once."""
WIDE = 256
"""How many neighbors are looked at together in the search for the likeliest."""


def part_of(torch: Any, logits: Any, ids: Any, window: Window, at: int, ask: Ask) -> Part:
    """What logits say of the tokens that follow them, `at` tokens behind the first new one of a window."""
    logits, ids, first = logits.float(), ids.to(logits.device), window.new + at
    own = log_probabilities(torch, logits, ids)
    said = own.cpu().double().numpy()
    wanted = np.flatnonzero(ask.wanted(window.document, first, said))
    candidates = Candidates.none()
    if len(wanted):
        rows = torch.as_tensor(wanted, device=logits.device)
        whole = logits[rows, ids[rows]] - own[rows]
        candidates = _candidates(torch, logits[rows], whole, ask)
    return Part(window.document, first, said, first + wanted, candidates)


def log_probabilities(torch: Any, logits: Any, ids: Any) -> Any:
    """Of each token, by the logits in its row."""
    rows = max(1, IN_CACHE // logits.shape[1])
    pairs = zip(logits.split(rows), ids.split(rows), strict=True)
    surprise = [torch.nn.functional.cross_entropy(some, these, reduction="none") for some, these in pairs]
    return -torch.cat(surprise).clamp(min=0.0)


def _candidates(torch: Any, logits: Any, whole: Any, ask: Ask) -> Candidates:
    """The candidates that are asked for; `whole` is the logarithm of the sum over each row."""
    if ask.k is not None:
        found, ids = likeliest(torch, logits, min(ask.k, logits.shape[1]))
    elif ask.mass is not None:
        found, ids = logits.sort(dim=1, descending=True, stable=True)
        # A candidate belongs to them as long as those before it have not the mass.
        p = (found - whole[:, None]).double().exp()
        within = p.cumsum(1) - p < ask.mass
        width = int(within.sum(1).max())
        found, ids = found[:, :width].masked_fill(~within[:, :width], -torch.inf), ids[:, :width]
    else:
        found, ids = logits, torch.arange(logits.shape[1], device=logits.device).expand(logits.shape)
    return Candidates(ids.cpu().numpy(), (found - whole[:, None]).cpu().double().numpy())


def likeliest(torch: Any, logits: Any, k: int) -> tuple[Any, Any]:
    """The k largest of each row and where they stand: they are in the k stretches with the largest maxima."""
    count, size = logits.shape
    stretches = size // WIDE
    if stretches < 4 * k:
        found, ids = logits.topk(k, dim=1)
        return found, ids
    cut = logits[:, : stretches * WIDE].reshape(count, stretches, WIDE)
    best = cut.amax(-1).topk(k, dim=1).indices[:, :, None]
    inside = torch.arange(WIDE, device=logits.device)
    rest = torch.arange(stretches * WIDE, size, device=logits.device).expand(count, -1)
    some = torch.cat([cut.gather(1, best.expand(-1, -1, WIDE)).flatten(1), logits[:, stretches * WIDE :]], 1)
    found, at = some.topk(k, dim=1)
    return found, torch.cat([(best * WIDE + inside).flatten(1), rest], 1).gather(1, at)
