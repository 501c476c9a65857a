"""Random answers as people and models write them, in pairs that are often almost equal."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

Pair = tuple[str, str]


class AnswerWriter:
    """Writes random answers with a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def simple_pairs(self, count: int) -> Iterator[Pair]:
        """Yield pairs of numbers, words, assignments and collections, answer first."""
        for _ in range(count):
            write = self._choose(self._decorated_number, self._decorated_number, self._collection, self._word)
            reference = write()
            kind = self._random.randint(0, 2)
            yield (write() if kind == 0 else self._any_simple() if kind == 1 else self._rewrite(reference)), reference

    def expression_pairs(self, count: int) -> Iterator[Pair]:
        """Yield pairs of expressions with roots, fractions, powers and variables, answer first."""
        for _ in range(count):
            reference = self._expression(self._random.choice([1, 1, 2]))
            is_changed = self._random.random() < 0.6
            yield (self._change_digit(reference) if is_changed else self._expression(1)), reference

    def _choose(self, *writers: Callable[[], str]) -> Callable[[], str]:
        return self._random.choice(writers)

    def _any_simple(self) -> str:
        return self._choose(self._decorated_number, self._collection, self._word, self._assignment)()

    def _integer(self) -> str:
        value = self._random.choice([self._random.randint(-20, 20), self._random.randint(-2000, 10**6)])
        written = f"{value:,}" if self._random.random() < 0.4 else str(value)
        return written.replace(",", "{,}") if self._random.random() < 0.2 else written

    def _decimal(self) -> str:
        decimals = self._random.choice([self._random.randint(0, 9), self._random.randint(0, 10**7)])
        return f"{self._random.choice(['', '-'])}{self._random.randint(0, 99)}.{decimals}"

    def _fraction(self) -> str:
        top, bottom = self._random.randint(0, 30), self._random.randint(1, 30)
        forms = [rf"\frac{{{top}}}{{{bottom}}}", rf"-\dfrac{{{top}}}{{{bottom}}}", f"{top}/{bottom}"]
        return self._random.choice([*forms, f"-{top}/{bottom}", rf"\frac{top % 10}{bottom % 9 + 1}"])

    def _number(self) -> str:
        return self._choose(self._integer, self._integer, self._decimal, self._fraction)()

    def _decorated_number(self) -> str:
        decorations = ["{}"] * 6 + [r"\${}", r"{}\text{{ cm}}", r"{} \text{{ dollars}}", r"{}\%", "{}%"]
        return self._random.choice(decorations).format(self._number())

    def _assignment(self) -> str:
        return self._random.choice(["x=", "y = ", "n=", "X="]) + self._number()

    def _word(self) -> str:
        word = self._random.choice(["A", "B", "C", "yes", "No", "True", "false"])
        forms = [word, rf"\text{{{word}}}", rf"\text{{{self._random.choice(['even', 'odd', 'Monday'])}}}"]
        return self._random.choice([*forms, f"({word})"] if len(word) == 1 else forms)

    def _collection(self) -> str:
        members = [self._choose(lambda: str(self._random.randint(-5, 9)), self._fraction)() for _ in range(5)]
        joined = self._random.choice([",", ", "]).join(members[: self._random.choice([2, 2, 3, 4])])
        brackets = self._random.choice(["()", "[]", "[)", "(]", "{}", ""])
        if brackets == "{}":
            return rf"\{{{joined}\}}"
        return f"{brackets[:1]}{joined}{brackets[1:]}"

    def _rewrite(self, text: str) -> str:
        """Write an answer in another way, or change a little of it."""
        rewritten = [text.replace(",", ""), text.replace(" ", ""), text.replace("(", "[").replace(")", "]")]
        return self._random.choice([text, self._change_digit(text), *rewritten])

    def _change_digit(self, text: str) -> str:
        places = [place for place, character in enumerate(text) if character.isdigit()]
        if not places:
            return text
        place = self._random.choice(places)
        return text[:place] + str(self._random.randint(0, 9)) + text[place + 1 :]

    def _expression(self, depth: int) -> str:
        if depth == 0:
            return self._random.choice([str(self._random.randint(0, 20)), self._random.choice("xyn"), r"\pi", "2.5"])
        one, two = self._expression(depth - 1), self._expression(depth - 1)
        forms = [f"{one}+{two}", f"{one}-{two}", rf"\frac{{{one}}}{{{two}}}", rf"\sqrt{{{one}}}", f"{one}({two})"]
        forms += [f"({one})^{{{self._random.randint(2, 3)}}}", rf"{one} \cdot {two}", f"-{one}", f"{one}/{two}"]
        return self._random.choice([*forms, f"{one}{two}", rf"\sqrt[3]{{{one}}}", f"x={one}"])
