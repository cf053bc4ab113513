"""Takes the README's pictures of the page: page_pictures.py <program> <folder>."""

import pathlib
import subprocess
import sys
import tempfile
import time

import workloads
from browser import Page

PROGRAM, FOLDER = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
PORT = 18395


def host(*arguments, folder=None):
    return subprocess.Popen([PROGRAM, *arguments, "-listen", f"127.0.0.1:{PORT}", "-scaler-listen", f"127.0.0.1:{PORT + 1}"],
                            stdout=subprocess.DEVNULL, cwd=folder)


def visit():
    end = time.monotonic() + 60
    while True:
        page = Page("about:blank")
        try:
            page.driver.get(f"http://127.0.0.1:{PORT}/")
            return page
        except Exception:  # The host does not listen yet.
            page.driver.quit()
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def demonstration():
    """Two applications, an hour a minute: the moment before the next spike."""
    daemon = host("demo")
    try:
        page = visit()
        page.size(1280, 860)
        page.wait("an hour of pods", lambda: page.script(
            "return performance.now() > 75000 && /:4[5-9]/.test(document.getElementById('clock').textContent)"), seconds=240)
        page.picture(FOLDER / "page.png")
        page.driver.quit()
    finally:
        daemon.terminate()
        daemon.wait()


def many():
    """A few hundred workloads in a list, and one of them with settings that somebody tries."""
    with tempfile.TemporaryDirectory() as name:
        path = workloads.write(pathlib.Path(name), 400, model="baseline", window="1d", points=1900)
        daemon = host("-config", str(path), folder=name)
        try:
            page = visit()
            page.wait("the list", lambda: page.texts("#count")[0].startswith("400 workloads"), seconds=120)
            page.size(1280, 720)
            page.find("[data-order=rise]").click()
            time.sleep(2)
            page.picture(FOLDER / "page-list.png")
            page.find("#list").send_keys("\ue011\ue007")  # Home, Enter.
            page.wait("the configuration", lambda: "targetPerPod" in page.find("#text").text)
            page.theme("dark")
            page.size(1280, 1000)
            if page.find(".whatif").is_displayed():
                page.slide("#target", 28)
                page.wait("what would be", lambda: "→" in page.texts(".outcome")[0])
                page.script("document.querySelector('.whatif').scrollIntoView({ block: 'end' })")
            page.picture(FOLDER / "page-workload.png")
            page.driver.quit()
        finally:
            daemon.terminate()
            daemon.wait()


demonstration()
many()
