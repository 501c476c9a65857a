"""Statistics that go by prompt rather than by row: prompts served, and the commonest wrong answer."""
