"""CSV files in which a careless reader loses, merges or hides rows, and unusual valid ones."""

from __future__ import annotations

from tests.tables.corpus.case import CELLS, HEADER, Case, file, table

MB = 1 << 20
LONG = b"c1,p1," + b"x" * 4080 + b",5,5,0,\n"


def bad_header(name: str, header: bytes, rule: str) -> Case:
    """Make a case whose header is refused."""
    return file(name, "rows.csv", header).refused("rows.csv:1", rule)


def bad_record(name: str, line: int, rule: str, *records: bytes) -> Case:
    """Make a case with a record that is refused on this line; the good first record is on line 2."""
    return table(name, *records).refused(f"rows.csv:{line}", rule)


REFUSED = [
    bad_header("an empty CSV", b"", "has no header"),
    bad_header("blank lines before the header", b"\n\n" + HEADER + b"\n", "has no header"),
    bad_header("a header cell without a name", b"id,,text\n1,2,3\n", "column 2 of the header has no name"),
    bad_header("a header that ends in a comma", b"id,text,\n1,2,3\n", "column 3 of the header has no name"),
    bad_header("a header cell of spaces", b"id,  ,text\n1,2,3\n", "column 2 of the header has no name"),
    bad_header("a header with a name twice", b"id,text,id\n1,2,3\n", "the header names 'id' twice"),
    bad_header("a header in Latin-1", "id,préfix,text\n1,2,3\n".encode("latin-1"), "is not UTF-8 (byte 6 is 0xe9)"),
    bad_header(
        "a quote never closed in the header",
        b'id,prompt,text,gold,"more\nc1,p,t,5,\n',
        "opens a quote that is never closed",
    ),
    file("a quote left open far down", "rows.csv", lambda: HEADER + b"\n" + LONG * 5000 + b'c2,"p').refused(
        "rows.csv:5002", "opens a quote that is never closed"
    ),
    bad_record("too few cells", 3, "has 2 cells; the header has 7", b"c2,p1"),
    bad_record("too many cells", 3, "has 8 cells; the header has 7", CELLS + b",x"),
    bad_record("too few cells after line ends in quotes", 6, "has 1 cells", b'c2,p1,"2\n+\n3?",5,5,,', b"x"),
    bad_record("too few cells after blank lines", 5, "has 1 cells", b"", b"", b"x"),
    bad_record("too few cells after a long cell", 4, "has 1 cells", b"c2,p1," + b"x" * 200_000 + b",5,5,,", b"x"),
    bad_record("too many cells after a bare carriage return", 4, "has 8 cells", b"c2,p1,2,5,5,,\r" + CELLS + b",x"),
    bad_record(
        "a quote that is never closed", 3, "opens a quote that is never closed", b'c2,p1,"2+3?,5,5,,', CELLS, CELLS
    ),
    bad_record("a quote never closed, on the last line", 4, "opens a quote", CELLS, b'c2,p1,2+3?,5,5,,"'),
    bad_record("two open quotes that find each other", 3, "closes a quote", b'c2,p1,"a,5,5,,', b'c3,p1,"b,5,5,,'),
    bad_record("text after a closing quote", 3, "closes a quote before its cell ends", b'c2,p1,"a"b,5,5,,'),
    bad_record("a space after a closing quote", 3, "closes a quote before its cell ends", b'c2,p1,"a" ,5,5,,'),
    bad_record("a cell in Latin-1", 4, "is not UTF-8 (byte", CELLS, "c2,p1,é,5,5,,".encode("latin-1")),
    bad_record("a surrogate as UTF-8", 3, "is not UTF-8 (byte", b"c2,p1,\xed\xa0\x80,5,5,,"),
    bad_record(
        "a score that is a word", 3, "score is 'good'; a score is a finite number", b"c2,p1,q,5,5,good,"
    ).when_reading("score"),
    bad_record(
        "a score that is nan", 3, "score is 'nan'; a score is a finite number", b"c2,p1,q,5,5,nan,"
    ).when_reading("score"),
    bad_record(
        "a score that is inf", 3, "score is '-inf'; a score is a finite number", b"c2,p1,q,5,5,-inf,"
    ).when_reading("score"),
    bad_record("a score that is 1e400", 3, "score is '1e400'; a score is a finite", b"c2,p1,q,5,5,1e400,").when_reading(
        "score"
    ),
    bad_record("a score with a comma for a point", 3, "score is '0,5'", b'c2,p1,q,5,5,"0,5",').when_reading("score"),
    bad_record("a label that is maybe", 3, "correct is 'maybe'; a label is", b"c2,p1,q,5,5,,maybe").when_reading(
        "label"
    ),
    bad_record("an id that is empty", 3, "id is null; every row needs one", b",p1,q,5,5,,").when_reading("id"),
    bad_record("an id that is quoted and empty", 3, "an empty key identifies nothing", b'"",p1,q,5,5,,').when_reading(
        "id"
    ),
    bad_record("an id that appears twice", 3, "id is 'c1', as at", CELLS).when_reading("id"),
    bad_record(
        "a bad label after line ends in quotes", 5, "correct is 'x'", b'c2,p,"a\r\nb",,,,', b"c3,p,q,,,,x"
    ).when_reading("label"),
    file("a record over 16 MB", "rows.csv", lambda: HEADER + b"\nc1,p1," + b"x" * (33 * MB) + b",,,,\n").refused(
        "rows.csv", "holds a row over 16 MB"
    ),
    file(
        "an open quote before 33 MB", "rows.csv", lambda: HEADER + b'\nc1,"' + (CELLS + b"\n") * (33 * MB // 24)
    ).refused("rows.csv:2", "opens a quote that is never closed"),
    table("no such column").with_columns(text="texte").refused("--text", "Did you mean 'text'"),
]

ACCEPTED = [
    table("one record").accepted(1),
    file("a header only", "rows.csv", HEADER + b"\n").accepted(0),
    file("a header only, without a line end", "rows.csv", HEADER).accepted(0),
    file("no line end at the end", "rows.csv", HEADER + b"\n" + CELLS).accepted(1),
    file("CRLF", "rows.csv", HEADER + b"\r\n" + CELLS + b"\r\n").accepted(1),
    file("carriage returns only", "rows.csv", HEADER + b"\r" + CELLS + b"\r" + CELLS[:1] + b"2" + CELLS[2:]).accepted(
        2
    ),
    file("a byte order mark", "rows.csv", b"\xef\xbb\xbf" + HEADER + b"\n" + CELLS).accepted(1),
    file("a byte order mark before a quote", "rows.csv", b'\xef\xbb\xbf"id","prompt","text"\n"c1","p","t"\n').accepted(
        1
    ),
    file("every name quoted", "rows.csv", b'"id","prompt","text"\nc1,p,t\n').accepted(1),
    file("a name with a line end", "rows.csv", b'id,prompt,"te\nxt"\nc1,p,t\n').with_columns(text="te\nxt").accepted(1),
    table("line ends in quotes", b'c2,p1,"a\nb\r\nc\rd",5,5,,').accepted(2),
    table("doubled quotes", b'c2,p1,"""a"" said, ""b""",5,5,,').accepted(2),
    table("a quote inside a plain cell", b'c2,p1,a 5" disk,5,5,,').accepted(2),
    table("quotes inside plain cells, an odd number", b'c2,p1,5",6",7",,').accepted(2),
    table("blank lines between", b"", b"c2,p1,q,5,5,,", b"").accepted(2),
    table("U+2028 in a cell", "c2,p1,a\u2028b,5,5,,".encode()).accepted(2),
    table("a record separator in a cell", b"c2,p1,a\x1eb,5,5,,").accepted(2),
    table("NUL in a cell", b"c2\0,p1,q,5,5,,").accepted(2),
    table("a cell of 10 MB", b"c2,p1," + b"x" * (10 * MB) + b",5,5,,").accepted(2),
    table("empty cells wherever they are allowed", b"c2,p1,,,,,").accepted(2),
    table("scores in each spelling", b"c2,p1,q,5,5,1e3,", b"c3,p1,q,5,5, .5 ,", b"c4,p1,q,5,5,-0,").accepted(4),
    table("labels in each spelling", b"c2,p1,q,5,5,,TRUE", b"c3,p1,q,5,5,,0", b"c4,p1,q,5,5,,False").accepted(4),
    table("a formula, which is text here", b"c2,p1,=1+1,5,5,,").accepted(2),
    file("one column with a blank line", "rows.csv", b"text\na\n\nb\n")
    .with_columns(prompt="text", id="text")
    .refused("rows.csv:3", "text is null; every row needs one")
    .when_reading("prompt"),
]

CASES = [*REFUSED, *ACCEPTED]
