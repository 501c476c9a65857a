"""Which tokens are selected, with which probability replacements are drawn, and that `code` is the authors' rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import chdtrc, log_softmax

from winnow.errors import UsageError
from winnow.models.huggingface import Window, score_tokens, top_k_by_blocks
from winnow.models.prior import CandidateRequest, TokenCandidates, want_no_candidates
from winnow.stages.edit.config import EditConfig
from winnow.stages.edit.editor import NO_REPLACEMENT, add_current_token, draw_columns, select_tokens

MIN_P_VALUE = 1e-6
"""The chance that a sound sampler fails a test of its draws."""


def score_candidates(logits: np.ndarray[Any, Any], k: int | None = None, mass: float | None = None) -> TokenCandidates:
    """The candidates of each row of logits, through the code that asks a model for them."""
    import torch

    ask = CandidateRequest(lambda document, first, own: np.ones(len(own), np.bool_), k, mass)
    ids = torch.zeros(len(logits), dtype=torch.int64)
    return score_tokens(torch, torch.tensor(logits), ids, Window(0, 0, len(logits) + 1, 1), 0, ask).candidates


def test_paper_selects_at_the_threshold_and_code_only_above_it() -> None:
    own = np.log([0.5, 0.25, 0.125])
    _, at, low = np.exp(own).tolist()
    assert select_tokens(own, EditConfig(threshold=at)).above.tolist() == [True, True, False]
    assert select_tokens(own, EditConfig(threshold=at, like="code")).above.tolist() == [True, False, False]
    assert select_tokens(own, EditConfig(threshold=0.4, down=low)).resample.tolist() == [True, False, True]
    coded = EditConfig(threshold=0.4, down=low, down_by="delete", like="code")
    assert select_tokens(own, coded).delete.tolist() == [False, False, False]
    published = EditConfig(threshold=0.4, down=low, down_by="delete")
    assert select_tokens(own, published).delete.tolist() == [False, False, True]


@given(st.lists(st.floats(-30, 0), max_size=30), st.floats(1e-6, 3))
def test_a_threshold_above_one_and_unknown_tokens_select_nothing(own: list[float], threshold: float) -> None:
    logp = np.array([*own, np.nan])
    found = select_tokens(logp, EditConfig(threshold=threshold))
    assert not found.above[-1]
    assert not select_tokens(logp, EditConfig(threshold=1 + 1e-9)).resample.any()
    assert (found.above[:-1] == (np.exp(logp[:-1]) >= threshold)).all()


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": 0.5, "down": 0.5}, "down"),
        ({"beta": 0.0}, "beta"),
        ({"top_k": 0}, "top_k"),
        ({"top_p": 1.5}, "top_p"),
        ({"like": "article"}, "like"),
    ],
)
def test_invalid_settings_are_refused_by_name(wrong: dict[str, Any], where: str) -> None:
    with pytest.raises(UsageError) as refused:
        EditConfig.read(wrong)
    assert refused.value.where == where


SAMPLERS: dict[str, tuple[EditConfig, dict[str, Any]]] = {
    "top-k": (EditConfig(top_k=4), {"k": 4}),
    "top-k, warmer": (EditConfig(top_k=4, beta=1.5), {"k": 4}),
    "top-p": (EditConfig(top_p=0.8), {"mass": 0.8}),
    "rejection": (EditConfig(rejection=True, beta=1.2), {}),
}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("seed", range(3))
def test_draws_follow_the_distribution_of_each_sampler(name: str, seed: int) -> None:
    rules, ask = SAMPLERS[name]
    draws = np.random.default_rng(seed)
    logits = draws.normal(0, 1.5, (1, 12))
    allowed = draws.random(12) < 0.7
    allowed[np.argmax(logits)] = True
    target = target_distribution(logits[0], allowed, rules)
    found = score_candidates(logits, **ask)
    many = 20_000
    repeated = TokenCandidates(np.repeat(found.ids, many, 0), np.repeat(found.logprobs, many, 0))
    columns = draw_columns(repeated, allowed[repeated.ids], rules.temperature, draws.random(many))
    counts = np.bincount(repeated.ids[np.arange(many), columns], minlength=12)
    assert (counts[target == 0] == 0).all()
    there = target > 0
    chi2 = ((counts - many * target) ** 2)[there] / (many * target[there])
    assert chdtrc(there.sum() - 1, chi2.sum()) > MIN_P_VALUE if there.sum() > 1 else counts[there] == many


def target_distribution(
    logits: np.ndarray[Any, Any], allowed: np.ndarray[Any, Any], rules: EditConfig
) -> np.ndarray[Any, Any]:
    """What each token's chance should be, said again in the plainest way."""
    p = np.exp(log_softmax(logits))
    order = sorted(range(len(p)), key=lambda token: -p[token])
    if rules.sampler == "top-k":
        order = order[: rules.candidate_count]
    elif rules.sampler == "top-p":
        held, short = 0.0, []
        for token in order:
            if held >= rules.candidate_mass:
                break
            short.append(token)
            held += p[token]
        order = short
    weights = np.zeros(len(p))
    for token in order:
        weights[token] = p[token] ** (1 / rules.temperature) * allowed[token]
    weights /= weights.sum()
    return weights


def test_a_token_without_possible_candidate_stays() -> None:
    candidates = TokenCandidates(np.array([[3, 4], [5, 6]]), np.log([[0.6, 0.4], [0.9, 0.1]]))
    possible = np.array([[False, False], [False, True]])
    assert draw_columns(candidates, possible, 1.0, np.array([0.5, 0.999999999999])).tolist() == [NO_REPLACEMENT, 1]


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1, exclude_max=True))
def test_a_draw_is_always_a_possible_candidate(seed: int, uniform: float) -> None:
    draws = np.random.default_rng(seed)
    logp = np.where(draws.random((5, 7)) < 0.2, -np.inf, draws.normal(0, 40, (5, 7)))
    possible = draws.random((5, 7)) < 0.5
    columns = draw_columns(TokenCandidates(np.zeros((5, 7), np.int64), logp), possible, 1.0, np.full(5, uniform))
    for row, column in enumerate(columns.tolist()):
        some = possible[row] & np.isfinite(logp[row])
        assert some[column] if some.any() else column == NO_REPLACEMENT


def authors_rule(
    logits: np.ndarray[Any, Any], ids: list[int], uniforms: np.ndarray[Any, Any], drop: bool
) -> list[int | None]:
    """The rule of the published code, token by token: the candidates are the k most likely tokens and the token itself.

    The first token stays. Above .99 a token is drawn from the dictionary by softmax(logp / beta), beta being 1.5; with
    `drop` it is 1, and what is below .001 goes (None).
    """
    beta, kept = (1.0, [ids[0]]) if drop else (1.5, [ids[0]])
    out: list[int | None] = list(kept)
    for position, token in enumerate(ids[1:]):
        logp = log_softmax(logits[position])
        order = sorted(range(len(logp)), key=lambda one: -logp[one])[:8]
        found = {one: logp[one] for one in dict.fromkeys([*order, token])}
        p = np.exp(found[token])
        if p > 0.99:
            scores = np.exp((np.array(list(found.values())) - max(found.values())) / beta)
            edges = np.cumsum(scores / scores.sum())
            out.append(list(found)[int(np.searchsorted(edges, uniforms[position], side="right"))])
        elif drop and p < 0.001:
            out.append(None)
        else:
            out.append(token)
    return out


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_code_edits_as_the_code_of_the_authors_does(seed: int, drop: bool) -> None:
    import torch

    draws = np.random.default_rng(seed)
    logits = draws.normal(0, 2, (60, 40))
    ids = draws.integers(0, 40, 61).tolist()
    sure = draws.random(60) < 0.5
    logits[sure, np.array(ids[1:])[sure]] += 12
    uniforms = draws.random(60)
    uniforms[::3] = 1 - draws.random(20) * 1e-3
    rules = EditConfig(like="code", down=0.001 if drop else None, down_by="delete" if drop else "resample")
    seen: list[np.ndarray[Any, Any]] = []

    def wanted(document: int, first: int, own: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        seen.append(own)
        return select_tokens(own, rules).resample

    window = Window(0, 0, 61, 1)
    part = score_tokens(torch, torch.tensor(logits), torch.tensor(ids[1:]), window, 0, CandidateRequest(wanted, 8))
    tokens = np.array(ids)
    candidates = add_current_token(
        part.candidates, tokens[part.candidate_positions], seen[0][part.candidate_positions - 1]
    )
    columns = draw_columns(
        candidates, np.isfinite(candidates.logprobs), rules.temperature, uniforms[part.candidate_positions - 1]
    )
    ours: list[int | None] = tokens.tolist()
    for at, column, row in zip(
        part.candidate_positions.tolist(), columns.tolist(), candidates.ids.tolist(), strict=True
    ):
        ours[at] = row[column]
    for at in np.flatnonzero(select_tokens(seen[0], rules).delete).tolist():
        ours[at + 1] = None
    expected = authors_rule(logits, ids, uniforms, drop)
    assert ours == expected
    assert sum(a != b for a, b in zip(ids, expected, strict=True)) >= 3


def test_only_code_adds_the_current_token_to_the_candidates() -> None:
    candidates = score_candidates(np.array([[3.0, 2.0, 1.0, -4.0]]), k=2)
    assert sorted(candidates.ids[0].tolist()) == [0, 1]
    more = add_current_token(candidates, np.array([3]), np.array([-7.0]))
    assert more.ids[0].tolist() == [0, 1, 3]
    same = add_current_token(candidates, np.array([1]), np.array([-1.0]))
    assert np.isfinite(same.logprobs[0]).tolist() == [True, True, False]


def test_no_candidates_are_returned_if_only_scores_are_requested() -> None:
    import torch

    part = score_tokens(
        torch,
        torch.zeros(3, 5),
        torch.tensor([1, 2, 3]),
        Window(0, 0, 4, 1),
        0,
        CandidateRequest(want_no_candidates, 1),
    )
    assert np.allclose(part.logprobs, np.log(1 / 5))
    assert not len(part.candidate_positions)


@pytest.mark.parametrize("size", [5, 256, 9000, 16384])
@pytest.mark.parametrize("k", [1, 8])
def test_top_k_by_blocks_finds_the_most_likely_tokens(size: int, k: int) -> None:
    import torch

    logits = torch.tensor(np.random.default_rng(size).permutation(7 * size).reshape(7, size).astype(np.float32))
    k = min(k, size)
    found, ids = top_k_by_blocks(torch, logits, k)
    expected = logits.topk(k, dim=1)
    assert torch.equal(found, expected.values)
    assert torch.equal(ids, expected.indices)
