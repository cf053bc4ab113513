"""A real Chromium without a window, driven through chromedriver."""

import pathlib
import sys
import time

import axe_playwright_python
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.by import By

AXE = (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


def chromium(performance_log):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    logs = {"browser": "ALL", "performance": "ALL"} if performance_log else {"browser": "ALL"}
    options.set_capability("goog:loggingPrefs", logs)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


class Page:
    """The page of a host, as somebody sees it."""

    def __init__(self, address, performance_log=False):
        self.driver = chromium(performance_log)
        self.size(1360, 1000)
        self.driver.get(address)

    def size(self, width, height, scale=1):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600})

    def theme(self, name):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": name}]})

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector, tries=20):
        try:
            return [found.text for found in self.driver.find_elements(By.CSS_SELECTOR, selector)]
        except StaleElementReferenceException:  # The live page drew it again between finding and reading.
            if tries == 1:
                raise
            return self.texts(selector, tries - 1)

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def slide(self, selector, value):
        """Moves a slider as a hand does."""
        self.script(
            "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
            "s.dispatchEvent(new Event('input', {bubbles: true}))", selector, value)

    def drag(self, selector, right):
        """Moves the pointer with its button down."""
        chain = webdriver.ActionChains(self.driver).move_to_element(self.find(selector)).click_and_hold()
        chain.move_by_offset(right, 0).release().perform()

    def wait(self, what, condition, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if condition():
                    print("seen:", what, flush=True)
                    return
            except (WebDriverException, IndexError):  # An element that was just replaced.
                pass
            time.sleep(0.05)
        sys.exit(f"never seen: {what}\n{self.find('body').text}\n{self.console()}")

    def expect(self, what, truth):
        if not truth:
            sys.exit(f"not so: {what}\n{self.find('body').text}")
        print("seen:", what, flush=True)

    def picture(self, path):
        time.sleep(0.4)
        self.driver.save_screenshot(str(path))

    def console(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def accessibility(self):
        """What axe finds wrong with the page as it stands: a line for each rule that is broken."""
        found = self.driver.execute_async_script(
            AXE + ";const done = arguments[0]; axe.run().then(done, (error) => done({violations: [{id: String(error), nodes: []}]}))")
        return [f"{one['id']} ({one.get('impact')}): {node.get('html', '')[:160]} {node.get('failureSummary', '')}"
                for one in found["violations"] for node in one["nodes"] or [{}]]
