"""The text of a message: eight marks and three kinds of address are left of whatever an editor sends; the same as plain text."""

import pytest

from models.message_html import clean, from_text, is_empty, plain


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("<p>a<br>b</p><ul><li><b>c</b></li></ul><ol><li><i>d</i></li></ol>", "<p>a<br>b</p><ul><li><b>c</b></li></ul><ol><li><i>d</i></li></ol>"),
        ("<div><strong>a</strong> <em>b</em></div><h1>c</h1>", "<p><b>a</b> <i>b</i></p><p>c</p>"),
        ("<script>alert(1)</script><style>p{}</style>a", "a"),
        ('<p style="color:red" onclick="x()" class="y">a</p>', "<p>a</p>"),
        ('<svg/onload=alert(1)><img src=x onerror=1>a<iframe src="//e"></iframe>', "a"),
        ('<a href="javascript:alert(1)">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ('<a href=" jav&#x09;ascript:alert(1)">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ('<a href="data:text/html,x">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ('<a href="//evil.example">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ('<a href="mailto:a@b.example">a</a>', '<a href="mailto:a@b.example" rel="noopener noreferrer nofollow">a</a>'),
        ('<b><a href="https://e.example/?a=1&b=2" target="x">a', '<b><a href="https://e.example/?a=1&amp;b=2" rel="noopener noreferrer nofollow">a</a></b>'),
        ("<scr<script>ipt>alert(1)</script>", "ipt&gt;alert(1)"),
        ("1 < 2 &amp; 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
        ("<!-- a -->b<p>%(name)s [student]</p>", "b<p>%(name)s [student]</p>"),
    ],
)
def test_nothing_but_the_allowed_marks_is_left(sent, shown):
    assert clean(sent) == shown


def test_a_mail_without_html_reads_as_well():
    sent = '<p>Bonjour,</p><p>Voir <a href="https://e.example/x">le plan</a>.<br>Merci</p><ul><li>un</li><li>deux</li></ul><ol><li>a</li><li>b</li></ol>'
    assert plain(sent) == "Bonjour,\n\nVoir le plan (https://e.example/x).\nMerci\n\n- un\n- deux\n\n1. a\n2. b"
    assert plain('<a href="mailto:a@b.example">a@b.example</a>') == "a@b.example"


def test_what_was_typed_without_an_editor_keeps_its_lines_and_its_signs():
    assert from_text("a < b\r\nc\n\n\nd") == "<p>a &lt; b<br>c</p><p>d</p>"
    assert plain(from_text("a < b\nc\n\nd")) == "a < b\nc\n\nd"


@pytest.mark.parametrize("sent", ["", "<p> </p>", "<p><br></p>&nbsp;", "<script>x</script>", "<ul></ul>"])
def test_marks_without_words_are_no_text(sent):
    assert is_empty(sent)
