"""JSON Lines files with every kind of error, and unusual valid ones."""

from __future__ import annotations

from tests.tables.corpus.case import GOOD, bad_line, bad_value, file, good_row_with, lines

MB = 1 << 20

MALFORMED = [
    bad_line("an object that is cut off", b'{"id": "c2"', "is not JSON"),
    bad_line("a word", b"hello", "is not JSON"),
    bad_line("single quotes", b"{'id': 'c2'}", "is not JSON"),
    bad_line("a trailing comma", b'{"id": "c2",}', "is not JSON"),
    bad_line("two objects on a line", GOOD + GOOD, "is not JSON: Extra data"),
    bad_line("a comma after the object", GOOD + b",", "is not JSON: Extra data"),
    bad_line("a comment", b"// rows", "is not JSON"),
    bad_line("a list", b'["c2"]', "is a list"),
    bad_line("a text", b'"c2"', "is a text"),
    bad_line("a number", b"17", "is a number"),
    bad_line("null", b"null", "is null"),
    bad_line("true", b"true", "is true or false"),
    bad_line("NaN", good_row_with(b"score", b"NaN"), "holds NaN, which is not JSON"),
    bad_line("Infinity", good_row_with(b"score", b"Infinity"), "holds Infinity, which is not JSON"),
    bad_line("-Infinity", good_row_with(b"score", b"-Infinity"), "holds -Infinity, which is not JSON"),
    bad_line("1e400", good_row_with(b"score", b"1e400"), "a number too large for a float"),
    bad_line("1E+0400 in a list", good_row_with(b"more", b"[1E+0400]"), "a number too large for a float"),
    bad_line("250 digits times 1e99", good_row_with(b"more", b"9" * 250 + b"e99"), "a number too large for a float"),
    bad_line("5000 digits", good_row_with(b"more", b"9" * 5000), "more digits than Python can read"),
    bad_line("a leading zero", good_row_with(b"score", b"01"), "is not JSON"),
    bad_line("a byte of Latin-1", good_row_with(b"text", b'"caf\xe9"'), "is not UTF-8 (byte"),
    bad_line("a surrogate as UTF-8", good_row_with(b"text", b'"\xed\xa0\x80"'), "is not UTF-8 (byte"),
    bad_line("a raw NUL", good_row_with(b"text", b'"a\0b"'), "is not JSON: Invalid control character"),
    bad_line("a raw tab", good_row_with(b"text", b'"a\tb"'), "is not JSON: Invalid control character"),
    bad_line("half a surrogate pair", good_row_with(b"text", rb'"\ud83d"'), r"half of a surrogate pair (\ud83d)"),
    bad_line("half a pair in a key", good_row_with(rb"\udc00", b"1"), r"half of a surrogate pair (\udc00)"),
    bad_line("half a pair deep inside", good_row_with(b"more", rb'[{"a": ["\ud800"]}]'), "half of a surrogate pair"),
    bad_line("a key given twice", b'{"id": "c2", "text": "5", "text": "6"}', "has the key 'text' twice"),
    bad_line("a key given twice inside", good_row_with(b"more", b'{"a": [{"b": 1, "b": 1}]}'), "has the key 'b' twice"),
    bad_line("100,000 brackets", good_row_with(b"more", b"[" * 100_000 + b"]" * 100_000), "is nested too deep"),
    bad_line(
        "100,000 braces", good_row_with(b"more", b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "is nested too deep"
    ),
    lines("blank lines count as lines", b"", b" \t", b"{").refused("rows.jsonl:4", "is not JSON"),
    file("a bad first line", "rows.jsonl", b'{"id"\n' + GOOD).refused("rows.jsonl:1", "is not JSON"),
    file("only a bad line", "rows.jsonl", b'{"id": \n').refused("rows.jsonl:1", "is not JSON"),
    file("indented JSON", "rows.json", b'{\n "id": "c1"\n}\n').refused("rows.json:1", "is not JSON"),
    file("a JSON list", "rows.json", b"[" + GOOD + b"]").refused("rows.json:1", "is one JSON list, not JSON Lines"),
    file("a line over 64 MB", "rows.jsonl", lambda: GOOD + b'\n{"text": "' + b"x" * (65 * MB) + b'"}\n').refused(
        "rows.jsonl:2", "is longer than 64 MB"
    ),
    file("no line end in 70 MB", "rows.jsonl", lambda: GOOD[:-1] + b" " * (70 * MB)).refused(
        "rows.jsonl:1", "is longer than 64 MB"
    ),
    file("no rows", "rows.jsonl", b"").refused("rows.jsonl", "holds no row with a column"),
    file("blank lines only", "rows.jsonl", b"\n\r\n \n").refused("rows.jsonl", "holds no row with a column"),
    file("a byte order mark only", "rows.jsonl", b"\xef\xbb\xbf").refused("rows.jsonl", "holds no row with a column"),
    file("rows without members", "rows.jsonl", b"{}\n{}\n").refused("rows.jsonl", "holds no row with a column"),
]

VALUES = [
    bad_value("a score that is true", "score", b"score", b"true", "score is true; a score is a finite number"),
    bad_value("a score in quotes", "score", b"score", b'"0.5"', "score is '0.5'; a score is a finite number"),
    bad_value("a score that is a list", "score", b"score", b"[0.5]", "score is [0.5]; a score is"),
    bad_value("a score of 400 digits", "score", b"score", b"9" * 400, "a score must fit a float"),
    bad_value("an id that is empty", "id", b"id", b'""', "id is ''; an empty key identifies nothing"),
    bad_value("an id that is null", "id", b"id", b"null", "id is null; every row needs one"),
    bad_value("an id that is a fraction", "id", b"id", b"1.5", "id is 1.5; a key is text or a whole number"),
    bad_value("an id that is true", "id", b"id", b"true", "id is true; a key is text or a whole number"),
    bad_value("an id that appears twice", "id", b"id", b'"c1"', "id is 'c1', as at"),
    bad_value("a prompt id that is null", "prompt", b"prompt_id", b"null", "prompt_id is null; every row needs one"),
    bad_value("a text that is an object", "text", b"text", b'{"a": 1}', "the text of a candidate is text"),
    bad_value("a text that is true", "text", b"text", b"true", "the text of a candidate is text"),
    bad_value("a reference that is an object", "reference", b"reference", b'{"a": 1}', "a reference is text, a number"),
    bad_value(
        "a reference in a list in a list", "reference", b"reference", b'[["5"]]', "a reference is text, a number"
    ),
    bad_value("a prompt that is true", "prompt_text", b"prompt", b"true", "prompt is true; a key is text"),
    bad_value("a label that is 2", "label", b"correct", b"2", "correct is 2; a label is true or false"),
    bad_value("a label that is yes", "label", b"correct", b'"yes"', "correct is 'yes'; a label is true or false"),
    bad_value("a label that is a list", "label", b"correct", b"[1]", "correct is [1]; a label is true or false"),
    lines("a row without its id", b'{"prompt_id": "p1", "text": "5"}')
    .refused("rows.jsonl:2", "id is null")
    .when_reading("id"),
    file("a table without a text", "rows.jsonl", b'{"id": "c1", "prompt": "p"}\n')
    .refused("rows.jsonl", "no column is known as the text")
    .when_reading("text"),
    *(
        file(f"messages that are {description}", "rows.jsonl", b'{"id": "c1", "messages": ' + value + b"}\n")
        .refused("rows.jsonl:1", rule)
        .when_reading("text")
        for description, value, rule in (
            ("a text", b'"hello"', "messages are a list of {role, content}"),
            ("an empty list", b"[]", "messages are a list of {role, content}"),
            ("without an answer", b'[{"role": "user", "content": "a"}]', "no turn has the role 'assistant'"),
            ("a number inside", b'[{"role": "assistant", "content": 5}]', "the content of a turn is text"),
        )
    ),
]

COLUMNS = [
    lines("a missing text column").with_columns(text="txet").refused("--text", "'txet' is not a column of"),
    lines("a misspelled column").with_columns(reference="referense").refused("--reference", "Did you mean 'reference'"),
    lines("a missing column to unfold")
    .with_columns(candidates="samples")
    .refused("--candidates", "'samples' is not a column of"),
    lines("a column to unfold that is a text")
    .with_columns(candidates="text")
    .refused("rows.jsonl:1", "text is '5', not a list of candidates"),
    file("names with control characters", "rows.jsonl", b'{"\\u001b]52;c;a\\u0007": 1}\n')
    .with_columns(text="\x1b]52;c;b")
    .refused("--text", r"\x1b]52;c;a\x07"),
]

ACCEPTED = [
    lines("one row").accepted(1),
    file("no line end at the end", "rows.jsonl", GOOD).accepted(1),
    file("CRLF", "rows.jsonl", GOOD + b"\r\n" + good_row_with(b"text", b'"6"') + b"\r\n").accepted(2),
    file("a byte order mark", "rows.jsonl", b"\xef\xbb\xbf" + GOOD + b"\n").accepted(1),
    file("blank lines between", "rows.jsonl", b"\n\n" + GOOD + b"\n \n" + good_row_with(b"a", b"1")).accepted(2),
    file("another suffix", "rows.ndjson", GOOD).accepted(1),
    file("no suffix", "rows", GOOD).accepted(1),
    file("a suffix in capitals", "ROWS.JSONL", GOOD).accepted(1),
    lines("U+2028, U+2029 and U+0085 in a text", good_row_with(b"text", '"a\u2028b\u2029c\u0085d"'.encode())).accepted(
        2
    ),
    lines("a record separator, escaped", good_row_with(b"text", rb'"a\u001eb"')).accepted(2),
    lines("NUL, escaped", good_row_with(b"text", rb'"a\u0000b"')).accepted(2),
    lines("a whole surrogate pair", good_row_with(b"text", rb'"\ud83d\ude00"')).accepted(2),
    lines("an escaped backslash before u", good_row_with(b"text", rb'"\\ud83d"')).accepted(2),
    file("a line of 10 MB", "rows.jsonl", lambda: good_row_with(b"text", b'"' + b"x" * (10 * MB) + b'"')).accepted(1),
    lines(
        "2**63 and 2**70", good_row_with(b"id", str(2**63).encode()), good_row_with(b"score", str(2**70).encode())
    ).accepted(3),
    lines("1e308 and 300 digits", good_row_with(b"score", b"1e308"), good_row_with(b"id", b"9" * 300)).accepted(3),
    lines("members that other rows lack", b'{"id": "c2", "prompt_id": "p", "text": "6"}').accepted(2),
    lines(
        "null in every role that allows it", good_row_with(b"text", b"null"), b'{"id": "c3", "prompt_id": "p"}'
    ).accepted(3),
    lines("numbers as text and reference", b'{"id": 2, "prompt_id": 7, "text": 5, "reference": 5.0}').accepted(2),
    lines("several references", good_row_with(b"reference", b'["5", "five", 5]')).accepted(2),
    lines(
        "labels in each spelling", good_row_with(b"correct", b"0"), b'{"id": "d", "prompt_id": "p", "correct": "TRUE"}'
    ).accepted(3),
    lines("200 brackets", good_row_with(b"more", b"[" * 200 + b"]" * 200)).accepted(2),
    lines("an id that is a path", good_row_with(b"id", b'"../../etc/passwd"')).accepted(2),
    lines("an id with control characters", good_row_with(b"id", rb'"\u001b]52;c;eA==\u0007"')).accepted(2),
    lines("an id with NUL", good_row_with(b"id", rb'"a\u0000b"')).accepted(2),
    lines("a prompt of messages", good_row_with(b"prompt", b'[{"role": "user", "content": "2+3?"}]')).accepted(2),
    file(
        "messages with parts and tool calls",
        "rows.jsonl",
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": null, "tool_calls": []}]}\n'
        b'{"messages": [{"role": "assistant", "content": [{"type": "text", "text": "b"}, {"type": "image"}]}]}\n',
    ).accepted(2),
    file(
        "candidates to unfold", "rows.jsonl", b'{"prompt": "p", "samples": ["a", "b"]}\n{"prompt": "q", "samples": []}'
    )
    .with_columns(candidates="samples", text="samples")
    .accepted(2),
]

CASES = [*MALFORMED, *VALUES, *COLUMNS, *ACCEPTED]
