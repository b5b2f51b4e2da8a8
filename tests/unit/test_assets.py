"""The pages' files: under an address of their own for each content, compressed, and complete."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from flask import Flask, render_template_string

from dashboard import assets

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "css").mkdir()
    (tmp_path / "vendor").mkdir()
    (tmp_path / "css" / "board.css").write_text("/* theirs */ .card { color: red }")
    (tmp_path / "css" / "base.css").write_text("a { color: blue }")
    (tmp_path / "one.js").write_text('import { two } from "./vendor/two.js";\n')
    (tmp_path / "vendor" / "two.js").write_text("export const two = 2;\n")
    (tmp_path / "vendor" / "LICENSE.md").write_text("0BSD")
    return tmp_path


def files(folder: Path) -> assets.Assets:
    return assets.Assets(folder, {"page.js": ("one.js",)})


@pytest.fixture(scope="module")
def app() -> Flask:
    app = Flask(__name__)
    assets.init_app(app)
    app.register_error_handler(assets.NotFound, lambda error: ("", error.status))
    return app


@pytest.fixture(scope="module")
def ours() -> assets.Assets:
    return assets.Assets()


def test_another_content_has_another_address(folder: Path) -> None:
    before = files(folder).url("one.js")
    assert before == files(folder).url("one.js")

    (folder / "vendor" / "two.js").write_text("export const two = 3;\n")

    assert before != files(folder).url("one.js")


def test_each_sheet_is_a_layer_and_the_base_loses_to_all(folder: Path) -> None:
    joined = {asset.name: asset for asset in files(folder)}["pages.css"].content.decode()

    assert joined.startswith("@layer base, board;\n@layer base {\na { color: blue }\n}\n@layer board {\n.card")
    assert "theirs" not in joined


def test_only_files_for_pages_are_served(folder: Path) -> None:
    assert {"one.js", "vendor/two.js", "page.js", "pages.css", "buyer.css"} == {asset.name for asset in files(folder)}


def test_a_template_with_a_wrong_name_does_not_go_unnoticed(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(KeyError):
        render_template_string('{{ asset("nothing.js") }}')


def test_no_template_names_an_asset_otherwise() -> None:
    texts = {path.name: path.read_text() for path in (PROJECT / "templates").rglob("*.html")}

    assert [] == [name for name, text in texts.items() if re.search(r"url_for\('static'|[\"']/(static|assets)/", text)]


def test_an_asset_is_kept_for_ever_and_compressed(app: Flask, ours: assets.Assets) -> None:
    answer = app.test_client().get(ours.url("onward-live.js"), headers={"Accept-Encoding": "gzip, br"})

    assert "public, max-age=31536000, immutable" == answer.headers["Cache-Control"]
    assert ("gzip", "Accept-Encoding") == (answer.headers["Content-Encoding"], answer.headers["Vary"])
    assert (assets.STATIC / "onward-live.js").read_bytes() == gzip.decompress(answer.data)
    assert "text/javascript; charset=utf-8" == answer.content_type


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0"])
def test_who_does_not_accept_it_gets_it_as_it_is(app: Flask, ours: assets.Assets, accepted: str) -> None:
    answer = app.test_client().get(ours.url("onward-live.js"), headers={"Accept-Encoding": accepted})

    assert "Content-Encoding" not in answer.headers
    assert (assets.STATIC / "onward-live.js").read_bytes() == answer.data


def test_a_documented_module_keeps_its_address_for_pages_of_any_site(app: Flask) -> None:
    client = app.test_client()

    answer = client.get("/static/onward-live.js")
    again = client.get("/static/onward-live.js", headers={"If-None-Match": answer.headers["ETag"]})

    assert ("no-cache", "*") == (answer.headers["Cache-Control"], answer.headers["Access-Control-Allow-Origin"])
    assert (304, b"") == (again.status_code, again.data)


def test_a_page_of_another_version_gets_what_there_is_but_does_not_keep_it(app: Flask) -> None:
    answer = app.test_client().get("/assets/0123456789abcdef/onward-live.js")

    assert (200, "no-cache") == (answer.status_code, answer.headers["Cache-Control"])


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/vendor/idiomorph/LICENSE.md", "/assets/x/nothing.js"])
def test_nothing_else_is_served(app: Flask, path: str) -> None:
    assert 404 == app.test_client().get(path).status_code
