"""The documentation as a site: it builds without a warning, asks nobody for anything, and its drawings are fresh."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import constructs_lib
from tests.support.browser import Browser
from tools import diagrams
from tools.site_hooks import rooms

from .markdown import PAGES, ROOT

LOOKED_AT = ("index", "quick-start", "architecture", "rules", "labs/monitors", "reference/hosting")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    # --strict: a link or an anchor that leads nowhere, or a page that is in no menu, is an error.
    assert done.returncode == 0, done.stderr[-4000:]
    yield folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site, served on the loopback device."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_every_page_is_on_it(site: Path) -> None:
    docs = ROOT / "docs"
    pages = [page.relative_to(docs).with_suffix(".html") for page in PAGES if page.is_relative_to(docs)]

    assert [page for page in pages if not (site / page).is_file()] == []
    assert "Two commands" in (site / "index.html").read_text()


def test_a_link_that_leads_nowhere_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n[Gone](gone.md) and [far](#far)\n")
    settings = (ROOT / "mkdocs.yml").read_text().split("validation:")[1].split("not_in_nav:")[0]
    (tmp_path / "mkdocs.yml").write_text(f"site_name: broken\nvalidation:{settings}")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode != 0
    assert "gone.md" in done.stderr
    assert "#far" in done.stderr


@pytest.mark.parametrize("room", rooms())
def test_every_public_name_is_in_the_reference(site: Path, room: str) -> None:
    page = (site / "reference" / f"{room}.html").read_text()
    missing = [name for name, home in rooms()[room] if f'id="constructs_lib.{home}.{name}"' not in page]

    assert missing == []


def test_the_rooms_of_the_reference_hold_all_public_names() -> None:
    listed = {name for names in rooms().values() for name, _ in names}

    assert listed == {*constructs_lib.__all__} - {"__version__"}


@pytest.mark.parametrize("page", LOOKED_AT)
@pytest.mark.parametrize("width", [1400, 380])
def test_it_is_quiet_fetches_nothing_and_fits(browser: Browser, address: str, page: str, width: int) -> None:
    with browser.page(f"{address}/{page}.html", width=width) as shown:
        fetched = shown.requests()
        assert [each for each in fetched if not each.startswith((address, "data:", "blob:"))] == []
        assert shown.complaints() == []
        assert shown.evaluate("document.scrollingElement.scrollWidth") <= width
        assert shown.evaluate("document.querySelector('h1').getBoundingClientRect().height") > 0


@pytest.mark.parametrize("width", [1400, 380])
def test_the_drawings_are_seen(browser: Browser, address: str, width: int) -> None:
    with browser.page(f"{address}/architecture.html", width=width) as shown:
        sizes = shown.evaluate("[...document.images].map(each => [each.naturalWidth, each.width])")

    assert len(sizes) == len(list((ROOT / "docs" / "diagrams").glob("*.svg")))
    assert all(natural > 0 and 0 < drawn <= width for natural, drawn in sizes)


# --- drawings -------------------------------------------------------------------------------------------


def test_the_drawings_are_fresh() -> None:
    # A process of its own: what a test has set in the environment would show in the templates.
    code = "import json; from tools import diagrams; print(json.dumps(diagrams.draw(diagrams.dots_of_app())))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    drawn = json.loads(done.stdout.splitlines()[-1])
    there = {file.stem: file.read_text() for file in (ROOT / "docs" / "diagrams").glob("*.svg")}

    assert there == {name.lower(): svg for name, svg in drawn.items()}, "run: make diagrams"


def test_a_drawing_shows_what_is_used_and_what_may_be() -> None:
    def at(path: str) -> dict[str, object]:
        return {"aws:cdk:path": path}

    template = {
        "Resources": {
            "Fn": {
                "Type": "AWS::Lambda::Function",
                "Metadata": at("S/Caller/Resource"),
                "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Queue": {"Ref": "Queue"}},
            },
            "Role": {"Type": "AWS::IAM::Role", "Metadata": at("S/Caller/Role/Resource")},
            "Policy": {
                "Type": "AWS::IAM::Policy",
                "Metadata": at("S/Caller/Policy/Resource"),
                "Properties": {"Roles": [{"Ref": "Role"}], "PolicyDocument": {"Ref": "Table"}},
            },
            "Queue": {"Type": "AWS::SQS::Queue", "Metadata": at("S/Work/Resource")},
            "Table": {"Type": "AWS::DynamoDB::Table", "Metadata": at("S/Store/Resource")},
            "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Metadata": at("S/Store/A/Resource")},
            "Other": {"Type": "AWS::CloudWatch::Alarm", "Metadata": at("S/Store/A/Resource2")},
        }
    }
    dot = diagrams.dot_of(template, title="S")

    assert '"Caller//AWS::Lambda::Function" -> "Work//AWS::SQS::Queue";' in dot
    assert '"Caller//AWS::Lambda::Function" -> "Store//AWS::DynamoDB::Table" [style=dashed];' in dot
    assert 'label="A\\nCloudWatch Alarm ×2"' in dot
    assert "IAM" not in dot
