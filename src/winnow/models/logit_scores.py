"""What logits say: how likely the tokens were that came, and what could have come, worked out where the logits are.

A vocabulary is large, so time goes by the passes over it. The log-probability of the token that came takes one fused
pass, over few rows at a time, which stay in the cache; candidates are looked for at the wanted positions alone, and in
a large vocabulary only in the parts that can hold them. Written for torch tensors, on whatever device they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from winnow.models.prior import CandidateRequest, TokenCandidates, TokenScores
from winnow.models.windows import Window

VALUES_PER_PASS = 1 << 18
"""Numbers that are worked on at once."""
BLOCK_WIDTH = 256
"""How many neighbors are looked at together in the search for the likeliest."""


def score_tokens(
    torch: Any, logits: Any, ids: Any, window: Window, offset: int, request: CandidateRequest
) -> TokenScores:
    """What logits say of the tokens that follow them, `at` tokens behind the first new one of a window."""
    logits, ids, first = logits.float(), ids.to(logits.device), window.first_new + offset
    logprobs = token_logprobs(torch, logits, ids)
    known_logprobs = logprobs.cpu().double().numpy()
    positions = np.flatnonzero(request.select_positions(window.document, first, known_logprobs))
    candidates = TokenCandidates.empty()
    if len(positions):
        rows = torch.as_tensor(positions, device=logits.device)
        log_sums = logits[rows, ids[rows]] - logprobs[rows]
        candidates = _select_candidates(torch, logits[rows], log_sums, request)
    return TokenScores(window.document, first, known_logprobs, first + positions, candidates)


def token_logprobs(torch: Any, logits: Any, ids: Any) -> Any:
    """Of each token, by the logits in its row."""
    rows = max(1, VALUES_PER_PASS // logits.shape[1])
    pairs = zip(logits.split(rows), ids.split(rows), strict=True)
    surprise = [
        torch.nn.functional.cross_entropy(logit_rows, id_rows, reduction="none") for logit_rows, id_rows in pairs
    ]
    return -torch.cat(surprise).clamp(min=0.0)


def _select_candidates(torch: Any, logits: Any, log_sums: Any, request: CandidateRequest) -> TokenCandidates:
    """The candidates that are asked for; `whole` is the logarithm of the sum over each row."""
    if request.top_k is not None:
        values, ids = top_k_by_blocks(torch, logits, min(request.top_k, logits.shape[1]))
    elif request.top_p is not None:
        values, ids = logits.sort(dim=1, descending=True, stable=True)
        # A candidate belongs to them as long as those before it have not the mass.
        p = (values - log_sums[:, None]).double().exp()
        is_within = p.cumsum(1) - p < request.top_p
        width = int(is_within.sum(1).max())
        values, ids = values[:, :width].masked_fill(~is_within[:, :width], -torch.inf), ids[:, :width]
    else:
        values, ids = logits, torch.arange(logits.shape[1], device=logits.device).expand(logits.shape)
    return TokenCandidates(ids.cpu().numpy(), (values - log_sums[:, None]).cpu().double().numpy())


def top_k_by_blocks(torch: Any, logits: Any, k: int) -> tuple[Any, Any]:
    """The k largest of each row and where they stand: they are in the k stretches with the largest maxima."""
    count, size = logits.shape
    blocks = size // BLOCK_WIDTH
    if blocks < 4 * k:
        values, ids = logits.topk(k, dim=1)
        return values, ids
    blocked = logits[:, : blocks * BLOCK_WIDTH].reshape(count, blocks, BLOCK_WIDTH)
    best_blocks = blocked.amax(-1).topk(k, dim=1).indices[:, :, None]
    inside = torch.arange(BLOCK_WIDTH, device=logits.device)
    rest = torch.arange(blocks * BLOCK_WIDTH, size, device=logits.device).expand(count, -1)
    searched = torch.cat(
        [blocked.gather(1, best_blocks.expand(-1, -1, BLOCK_WIDTH)).flatten(1), logits[:, blocks * BLOCK_WIDTH :]], 1
    )
    values, positions = searched.topk(k, dim=1)
    return values, torch.cat([(best_blocks * BLOCK_WIDTH + inside).flatten(1), rest], 1).gather(1, positions)
