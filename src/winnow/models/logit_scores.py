"""Token log-probabilities and candidates from logits, computed with torch on the device of the logits.

The vocabulary is large, so every pass over it counts: a log-probability takes one fused pass over a few rows at a time,
and candidates are searched only at the requested positions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from winnow.models.prior import CandidateRequest, TokenCandidates, TokenScores
from winnow.models.windows import Window

VALUES_PER_PASS = 1 << 18
"""In numbers per pass, so that they fit into the cache."""
BLOCK_WIDTH = 256
"""In logits; the maximum of a block shows whether it can hold one of the largest."""


def score_tokens(
    torch: Any, logits: Any, ids: Any, window: Window, offset: int, request: CandidateRequest
) -> TokenScores:
    """Score the tokens of a window that follow its first new token by `offset`, one row of logits each."""
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
    """Return the log-probability of each token under the logits in its row."""
    rows = max(1, VALUES_PER_PASS // logits.shape[1])
    pairs = zip(logits.split(rows), ids.split(rows), strict=True)
    surprise = [
        torch.nn.functional.cross_entropy(logit_rows, id_rows, reduction="none") for logit_rows, id_rows in pairs
    ]
    return -torch.cat(surprise).clamp(min=0.0)


def _select_candidates(torch: Any, logits: Any, log_sums: Any, request: CandidateRequest) -> TokenCandidates:
    """Select the requested candidates; `log_sums` are the logarithms of the sums over each row."""
    if request.top_k is not None:
        values, ids = top_k_by_blocks(torch, logits, min(request.top_k, logits.shape[1]))
    elif request.top_p is not None:
        values, ids = logits.sort(dim=1, descending=True, stable=True)
        # A candidate is included as long as the probabilities before it do not reach top_p.
        p = (values - log_sums[:, None]).double().exp()
        is_within = p.cumsum(1) - p < request.top_p
        width = int(is_within.sum(1).max())
        values, ids = values[:, :width].masked_fill(~is_within[:, :width], -torch.inf), ids[:, :width]
    else:
        values, ids = logits, torch.arange(logits.shape[1], device=logits.device).expand(logits.shape)
    return TokenCandidates(ids.cpu().numpy(), (values - log_sums[:, None]).cpu().double().numpy())


def top_k_by_blocks(torch: Any, logits: Any, k: int) -> tuple[Any, Any]:
    """Return the k largest of each row and their indices: they are in the k blocks with the largest maxima."""
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
