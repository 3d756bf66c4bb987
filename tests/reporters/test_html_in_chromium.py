"""The page in a real browser: it shows what it should, light and dark, wide and narrow, and runs nothing."""

import dataclasses
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from losscheck.reporters.html.document import render_page

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)
DARK = "--blink-settings=preferredColorScheme=0"
NAMES = ("<script>document.title = 'run'</script>", "<img src=x onerror=\"document.title = 'run'\">")
#: Put into a copy of the page, where the policy would forbid it: what is wider than the window.
MEASURE = "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth</script>"

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Run the browser on a file."""
    folder = tmp_path_factory.mktemp("chromium")

    def run(path, *arguments):
        done = subprocess.run(
            [BROWSER, *QUIET, f"--user-data-dir={folder}", *arguments, Path(path).as_uri()],
            env=os.environ | {"HOME": str(folder)},
            capture_output=True,
            timeout=120,
            check=True,
        )
        return done.stdout.decode()

    return run


@pytest.fixture(scope="module")
def pixels():
    """The pixels of a screenshot, rows of red, green and blue."""
    tf = pytest.importorskip("tensorflow")
    return lambda path: tf.io.decode_png(path.read_bytes(), channels=3).numpy()


@pytest.fixture
def page(tmp_path, source_file, examples):
    losses = [dataclasses.replace(examples.drawn, name=name) for name in NAMES]
    path = tmp_path / "page.html"
    path.write_text(render_page(examples.report(*losses, examples.mse)), encoding="utf-8")
    return path


def test_the_browser_builds_the_page_and_runs_nothing_of_a_loss_named_script(browse, page):
    dom = browse(page, "--dump-dom")

    assert "<title>losscheck: 3 losses: 2 errors, 2 warnings, 2 notes</title>" in dom
    assert (dom.count("<table"), dom.count("<tr"), dom.count("<figure")) == (1, 4, 4)
    assert "<h2 id=\"loss-1-name\">&lt;script&gt;document.title = 'run'&lt;/script&gt;</h2>" in dom
    assert not re.search("<script|<img", dom)


def test_light_and_dark_are_drawn_and_differ(browse, page, pixels, tmp_path):
    shots = {}
    for name, arguments in {"light": [], "dark": [DARK]}.items():
        shot = tmp_path / f"{name}.png"
        browse(page, f"--screenshot={shot}", "--window-size=1200,1800", *arguments)
        shots[name] = pixels(shot)

    for shot in shots.values():
        assert shot.shape == (1800, 1200, 3)
        assert len({tuple(color) for color in shot[::3, ::3].reshape(-1, 3)}) > 30
    assert shots["light"].mean() > 200
    assert shots["dark"].mean() < 60


def test_the_cut_is_drawn_in_red_in_both(browse, page, pixels, tmp_path):
    for arguments in ([], [DARK]):
        shot = tmp_path / "shot.png"
        browse(page, f"--screenshot={shot}", "--window-size=1200,2400", *arguments)
        red, green, blue = (pixels(shot)[..., channel].astype(int) for channel in range(3))

        is_red = (red - green > 90) & (red - blue > 90)
        assert is_red.sum() > 1000


@pytest.mark.parametrize("width", [500, 1200])  # the narrowest window that a headless browser has
def test_nothing_is_wider_than_the_window(browse, page, width):
    html = page.read_text(encoding="utf-8")
    html = re.sub(r"<meta http-equiv[^>]*>", "", html).replace("</body>", f"{MEASURE}</body>")
    page.write_text(html, encoding="utf-8")

    dom = browse(page, "--dump-dom", f"--window-size={width},900")

    inner, window = map(int, re.search(r"<title>(\d+) of (\d+)</title>", dom).groups())
    assert inner <= window
