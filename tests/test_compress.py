"""What travels compressed, and what never does."""

import gzip
import zlib

import pytest
from flask import Flask, Response

from views.compress import compress, init_compress

PAGE = "<!doctype html>" + "<p>Zoé Bénard</p>" * 200
GZIP = {"Accept-Encoding": "gzip, br"}


@pytest.fixture
def small():
    app = Flask(__name__)
    init_compress(app)
    app.add_url_rule("/page", "page", lambda: PAGE)
    app.add_url_rule("/short", "short", lambda: "<p>Zoé</p>")
    app.add_url_rule("/reset/abc", "secret", lambda: PAGE)
    app.add_url_rule("/picture", "picture", lambda: Response(b"\x89PNG" * 1000, mimetype="image/png"))
    app.add_url_rule("/rows", "rows", lambda: Response((f"{n};Zoé\r\n" for n in range(3)), mimetype="text/csv"))
    return app.test_client()


def test_a_page_is_compressed_for_a_browser_that_takes_it(small):
    answer = small.get("/page", headers=GZIP)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data).decode() == PAGE
    assert int(answer.headers["Content-Length"]) == len(answer.data) < len(PAGE) / 10
    assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("headers", [{}, {"Accept-Encoding": "identity"}, {"Accept-Encoding": "gzip;q=0"}])
def test_a_browser_that_takes_none_gets_the_page_as_it_is(small, headers):
    answer = small.get("/page", headers=headers)
    assert "Content-Encoding" not in answer.headers
    assert answer.text == PAGE
    assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_asks_for_is_never_compressed(small, site):
    assert "Content-Encoding" not in small.get("/page", headers={**GZIP, "Sec-Fetch-Site": site}).headers
    assert "Content-Encoding" in small.get("/page", headers={**GZIP, "Sec-Fetch-Site": "same-origin"}).headers


@pytest.mark.parametrize("path", ["/short", "/reset/abc", "/picture"])
def test_short_answers_secrets_and_pictures_stay_as_they_are(small, path):
    assert "Content-Encoding" not in small.get(path, headers=GZIP).headers


def test_a_stream_leaves_piece_by_piece(small):
    answer = small.get("/rows", headers=GZIP, buffered=False)
    assert answer.headers["Content-Encoding"] == "gzip"
    unpacker, pieces = zlib.decompressobj(31), iter(answer.response)
    assert unpacker.decompress(next(pieces)).decode() == "0;Zoé\r\n"
    assert unpacker.decompress(b"".join(pieces)).decode() == "1;Zoé\r\n2;Zoé\r\n"


def test_a_stream_that_nobody_reads_to_its_end_is_closed(small):
    closed = []

    def rows():
        try:
            yield "a"
            yield "b"
        finally:
            closed.append(True)

    with small.application.test_request_context("/x", headers=GZIP):
        answer = compress(Response(rows(), mimetype="text/csv"))
        next(iter(answer.response))
        answer.close()
    assert closed == [True]


def test_our_own_files_are_compressed_and_still_known_by_their_tag(client):
    with client.get("/static/app.css", headers=GZIP) as answer:
        assert gzip.decompress(answer.data).decode().startswith("/*")
    with client.get("/static/app.css", headers={**GZIP, "If-None-Match": answer.headers["ETag"]}) as again:
        assert again.status_code == 304


def test_a_list_travels_compressed_and_says_the_same(as_):
    browser = as_("acc")
    plain, packed = browser.get("/admin/level/"), browser.get("/admin/level/", headers=GZIP)
    assert "Content-Encoding" in packed.headers
    assert len(packed.data) < len(plain.data) / 3
    assert "<h1>Niveaux</h1>" in gzip.decompress(packed.data).decode()
