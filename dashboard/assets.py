"""The pages' scripts, style sheets and pictures: read, joined, compressed and named by their content at the start.

They are served from memory under `/assets/<digest of all>/<name>`, whose content never changes, so that a browser asks
for each of them once. `/static/<name>` answers the same, and is asked for again each time: for modules whose address is
documented.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from flask import Blueprint, Flask, Response, request

from dashboard.script_joining import joined
from foundation.errors import NotFound
from foundation.languages import N_

STATIC = Path(__file__).resolve().parents[1] / "static"
SCRIPTS = {
    "pages.js": ("live.js", "work.js"),
    "buyer.js": ("live.js",),
    "link.js": ("tracking.js",),
    "demo-page.js": ("live.js", "demo.js"),
}
"""What pages load, each joined from these modules and from all that they import. A page loads one of them: what is in
two is there twice."""

FOLDER = "css/"
SHEETS: Mapping[str, tuple[str, ...]] = {
    "pages.css": (),
    "buyer.css": ("base", "parts", "shell", "list", "buyer", "buyer_pages"),
}
"""What pages load, each joined from these sheets of the folder; from all, if none are named. A buyer's phone loads
nothing of the pages of others."""

FIRST_LAYERS = ("base", "parts", "shell")
"""Whatever follows wins over them, however specific their selectors are."""

TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
"""What is served; licences and notes are not."""

SHEET_COMMENT = re.compile(r"\s*/\*.*?\*/", re.DOTALL)
FOR_EVER = "public, max-age=31536000, immutable"
ASKED_AGAIN = "no-cache"
DIGEST_CHARACTERS = 16


@dataclass(frozen=True)
class Asset:
    """A file as it is sent."""

    name: str
    content: bytes

    @cached_property
    def packed(self) -> bytes:
        """Compressed; without a time, so that all processes have the same."""
        return gzip.compress(self.content, 9, mtime=0)

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()[:DIGEST_CHARACTERS]

    @property
    def type(self) -> str:
        return TYPES[PurePosixPath(self.name).suffix]


class Assets:
    """All of them, as they were when the process started."""

    def __init__(self, folder: Path = STATIC, scripts: Mapping[str, tuple[str, ...]] = SCRIPTS) -> None:
        self._assets = {asset.name: asset for asset in _read(folder)}
        for name, modules in scripts.items():
            self._assets[name] = Asset(name, joined(modules, self._source).encode())
        digests = "".join(f"{name} {asset.digest}\n" for name, asset in sorted(self._assets.items()))
        self.digest = hashlib.sha256(digests.encode()).hexdigest()[:DIGEST_CHARACTERS]

    def __iter__(self) -> Iterator[Asset]:
        return iter(self._assets.values())

    def url(self, name: str) -> str:
        """Its address; raises KeyError if there is none of this name."""
        return f"/assets/{self.digest}/{self._assets[name].name}"

    def _source(self, name: str) -> str:
        return self._assets[name].content.decode()

    def answer(self, name: str, cached: str) -> Response:
        """The response to a request for it; raises NotFound."""
        asset = self._assets.get(name)
        if asset is None:
            raise NotFound(N_("No such resource."))
        packs = request.accept_encodings.quality("gzip") > 0
        response = Response(asset.packed if packs else asset.content, content_type=asset.type)
        response.set_etag(f"{asset.digest}-gzip" if packs else asset.digest)
        response.vary.add("Accept-Encoding")
        response.headers["Cache-Control"] = cached
        if packs:
            response.headers["Content-Encoding"] = "gzip"
        response.make_conditional(request)
        return response


def init_app(app: Flask) -> None:
    """Serve them, and give the templates `asset(name)`."""
    assets = Assets()
    app.jinja_env.globals["asset"] = assets.url

    routes = Blueprint("assets", __name__)

    @routes.get("/assets/<digest>/<path:name>")
    def by_digest(digest: str, name: str) -> Response:
        # While processes are replaced, a page of the one may ask the other; it must not keep the answer.
        return assets.answer(name, FOR_EVER if digest == assets.digest else ASKED_AGAIN)

    def by_name(filename: str) -> Response:
        response = assets.answer(filename, ASKED_AGAIN)
        # Pages of other sites may import the documented modules; none of these files is about anybody.
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    app.view_functions["static"] = by_name  # in place of Flask's, which reads the folder
    app.register_blueprint(routes)


def _read(folder: Path) -> Iterator[Asset]:
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.suffix in TYPES}
    for name, path in names.items():
        if not name.startswith(FOLDER):
            yield Asset(name, path.read_bytes())
    for name, only in SHEETS.items():
        yield Asset(name, _sheet(folder / FOLDER, only).encode())


def _sheet(folder: Path, only: tuple[str, ...]) -> str:
    """These sheets in one, each in the layer that is named like its file."""
    sheets = {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.css"))}
    sheets = {name: text for name, text in sheets.items() if not only or name in only}
    layers = [
        *(name for name in FIRST_LAYERS if name in sheets),
        *(name for name in sheets if name not in FIRST_LAYERS),
    ]
    bodies = (f"@layer {name} {{\n{SHEET_COMMENT.sub('', sheets[name]).strip()}\n}}\n" for name in layers)
    return f"@layer {', '.join(layers)};\n" + "".join(bodies) if layers else ""
