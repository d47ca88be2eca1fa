"""What the tests of the HTML picture start from: programs that are recorded and drawn, and a
browser without a window that opens what was drawn.
"""

import contextlib
import shutil
import subprocess
import sys

import pytest
from playwright.sync_api import sync_playwright

# A limit against hanging.
PROGRAM_LIMIT_SECONDS = 120
# A page asks nobody for anything, and the browser by itself asks for much.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


# Gone before another file's tests begin: what drives it has a loop of asyncio's that runs in this
# thread all the while, which tests of loops look for and take away.
@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.fail("needs Chromium on PATH: `make viewer` installs Debian's if you are root")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Draws what a program did, as a user would; gives the page's file.  Each once."""
    pages = {}

    def drawn(source):
        if source not in pages:
            folder = tmp_path_factory.mktemp("viewer")
            (folder / "program.py").write_text(source)
            command = [sys.executable, "-m", "cafeloop", "flow", "--html", "page.html"]
            subprocess.run(
                [*command, "program.py"],
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=PROGRAM_LIMIT_SECONDS,
            )
            pages[source] = folder / "page.html"
        return pages[source]

    return drawn


@pytest.fixture
def opened(browser, drawn):
    """Opens a program's page; whatever the page complains of or asks for is a failure."""
    with contextlib.ExitStack() as ends:

        def opened(source, **options):
            file = drawn(source)
            options = {"viewport": {"width": 1200, "height": 800}, **options}
            page = browser.new_page(**options)
            ends.callback(page.close)
            complaints, requests = [], []
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda message: complaints.append(message.text))
            page.on("request", lambda request: requests.append(request.url))
            page.goto(file.as_uri())
            # The lanes are there from the first frame on.
            page.locator(".label").first.wait_for()
            ends.callback(lambda: _check(complaints, requests, file))
            return page

        yield opened


def _check(complaints, requests, file):
    assert complaints == []
    assert requests == [file.as_uri()]
