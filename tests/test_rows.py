# SPDX-License-Identifier: GPL-3.0-or-later
from hyperspy_dlatoms._rows import WIDTH, plain, to_html, to_text

ROWS = [("one", "word " * 40), ("longer name", "a/" * 60), ("none", "")]


def test_text_is_aligned_and_wrapped():
    lines = to_text("Title", ROWS).splitlines()
    assert lines[0] == "Title"
    assert lines[1].startswith("  one          word word")
    assert lines[2].startswith(" " * 15 + "word")
    # What cannot be broken is left to the terminal, so that it can be copied.
    assert [len(line) > WIDTH for line in lines] == [False] * (len(lines) - 2) + [True, False]
    assert lines[-1] == "  none"


def test_html_is_escaped():
    html = to_html("<Title>", [("a<b", "c&d")], "x<y")
    assert "&lt;Title&gt;" in html and "a&lt;b" in html and "c&amp;d" in html
    assert "<pre>x&lt;y</pre>" in html
    assert "<pre>" not in to_html("Title", ROWS)


def test_control_characters_are_written_out():
    # An escape sequence, one of eight bits, a carriage return, and a change of direction.
    text = plain("a\x1b[2Jb\x9b1m\rc\u202ed\nnext Å µ\xa0é")
    assert text == "a\\x1b[2Jb\\x9b1m\\rc\\u202ed\nnext Å µ\xa0é"
