"""Words and runs of words: equal up to case, spacing and punctuation, and nothing more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from winnow.text.ngrams import ngrams, normalize_words

words = st.lists(st.sampled_from("alpha beta gamma straße ß 5 été word_with".split()), max_size=12)


def test_case_spacing_and_punctuation_make_no_difference_and_words_do() -> None:
    assert normalize_words("  What's 2+3?\n") == normalize_words("WHAT S 2 3") == "what s 2 3"
    assert normalize_words("Straße") == normalize_words("STRASSE")
    assert normalize_words("a b") != normalize_words("ab")
    assert normalize_words("?!") == ""


def test_a_text_of_at_most_n_words_is_one_run() -> None:
    assert ngrams("one two", 3) == {"one two"}
    assert ngrams("one two three", 3) == {"one two three"}
    assert ngrams(" ... ", 3) == set()


@given(words, st.integers(1, 5))
def test_ngrams_are_all_runs_of_n_words(text: list[str], n: int) -> None:
    folded = [word.casefold() for word in text]
    runs = {" ".join(folded[i : i + n]) for i in range(max(len(folded) - n + 1, 0))}
    result = ngrams(", ".join(text), n)
    assert result == (runs or ({" ".join(folded)} if folded else set()))


@given(words, words, st.integers(1, 5))
def test_two_texts_share_an_ngram_exactly_if_a_run_of_words_is_equal(left: list[str], right: list[str], n: int) -> None:
    def runs(text: list[str]) -> set[tuple[str, ...]]:
        if 0 < len(text) <= n:
            return {tuple(text)}
        return {tuple(text[i : i + n]) for i in range(len(text) - n + 1)}

    a, b = ([word.casefold() for word in text] for text in (left, right))
    assert ngrams(" ".join(left), n).isdisjoint(ngrams(" ".join(right), n)) == runs(a).isdisjoint(runs(b))
