"""Looks at the live page with a real Chromium: page_check.py <address> <folder for screenshots> <scene>.

Prints "seen: …" for each thing found, so that the caller can change what the server serves in between; ends with 1 and a
message when something is missing.
"""

import sys
import time

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


class Page:
    def __init__(self, address, folder):
        self.driver = browser()
        self.folder = folder
        self.size(1360, 1000)
        self.driver.get(address)

    def size(self, width, height, scale=1):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600})

    def theme(self, name):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": name}]})

    def texts(self, selector):
        return [found.text for found in self.driver.find_elements(By.CSS_SELECTOR, selector)]

    def script(self, text):
        return self.driver.execute_script(text)

    def wait(self, what, condition, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if condition():
                    print("seen:", what, flush=True)
                    return
            except WebDriverException:  # An element that was just replaced.
                pass
            time.sleep(0.05)
        sys.exit(f"never seen: {what}\n{self.driver.find_element(By.TAG_NAME, 'body').text}\n{self.console()}")

    def expect(self, what, truth):
        if not truth:
            sys.exit(f"not so: {what}\n{self.driver.find_element(By.TAG_NAME, 'body').text}")
        print("seen:", what, flush=True)

    def picture(self, name):
        time.sleep(0.3)
        self.driver.save_screenshot(f"{self.folder}/{name}.png")

    def console(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def two_apps(page):
    page.wait("both workloads", lambda: page.texts(".card h2") == ["api-app", "shop-web"])
    page.wait("a live connection", lambda: page.texts("#link") == ["live"])
    page.wait("both charts", lambda: page.script("return document.querySelectorAll('.load-line').length") >= 2)
    page.expect("no list for two", not page.driver.find_element(By.ID, "side").is_displayed())
    page.expect("a band each", page.script("return document.querySelectorAll('.chart .band').length") == 2)
    page.expect("the lead time", "lead time 5 min" in page.script("return document.querySelector('.chart').textContent"))
    asked = page.texts(".card .pods dd")[0]
    page.expect(f"what KEDA is asked for: {asked}", asked.endswith("pods"))
    page.expect("the lead in the picture", page.texts(".chart .halo")[0] == "5 min")
    page.expect("the story", "before." in page.texts(".story")[0])
    page.script("window.keptSince = 'the first load'")
    for theme in ("light", "dark"):
        page.theme(theme)
        page.picture(f"two-apps-{theme}")
    page.size(390, 844, 2)
    page.picture("two-apps-phone-dark")
    page.theme("light")
    page.picture("two-apps-phone")
    width = page.script("return document.documentElement.scrollWidth")
    page.expect("nothing wider than the phone", width <= 390)
    page.size(1360, 1000)

    chart = page.driver.find_element(By.CSS_SELECTOR, "svg.chart")
    page.script("document.querySelector('svg.chart').focus()")
    chart.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    page.wait("values by keyboard", lambda: "forecast" in page.texts(".readout")[0] and "asked for" in page.texts(".readout")[0])
    chart.send_keys(Keys.ESCAPE)
    page.wait("no cursor", lambda: page.texts(".readout")[0] == "")

    page.wait("the next plan", lambda: "model renewed" in page.texts(".title p")[0])
    page.wait("its pods", lambda: page.texts(".card .pods dd")[0] == "17 pods")
    page.wait("a stale plan", lambda: "fallback" in page.texts(".story")[0] and page.texts(".card .pods dd")[0] == "nothing")
    page.wait("a workload less", lambda: page.texts(".card h2") == ["shop-web"])
    page.expect("no reload meanwhile", page.script("return window.keptSince") == "the first load")
    page.expect(f"a clean console: {page.console()}", not page.console())
    page.wait("the host's absence", lambda: page.texts("#link") == ["reconnecting"])


def many(page):
    page.wait("the list", lambda: page.texts("#count") == ["10,000 workloads"])
    page.expect("few rows in the document", page.script("return document.querySelectorAll('.row').length") < 60)
    paint = page.script("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
    weight = page.script(
        "return performance.getEntriesByType('resource').filter(r => !r.name.includes('/events')).reduce((s, r) => s + r.transferSize, 0)")
    print(f"measured: first paint {paint:.0f} ms, files {weight / 1000:.0f} kB", flush=True)
    for theme in ("light", "dark"):
        page.theme(theme)
        page.picture(f"many-{theme}")
    page.size(390, 844, 2)
    page.picture("many-phone-dark")
    page.size(1360, 1000)
    search = page.driver.find_element(By.ID, "search")
    search.send_keys("svc-0042")
    page.wait("what was searched", lambda: page.texts("#count") == ["1 of 10,000 workloads"])
    search.send_keys(Keys.ENTER)
    page.wait("the one chosen", lambda: page.texts(".card h2") == ["svc-0042"])
    search.clear()
    search.send_keys(Keys.SPACE, Keys.BACKSPACE)
    page.wait("all again", lambda: page.texts("#count") == ["10,000 workloads"])
    rows = page.driver.find_element(By.ID, "list")
    rows.send_keys(Keys.HOME, Keys.ARROW_DOWN, Keys.ENTER)
    page.wait("one chosen by keyboard", lambda: page.texts(".card h2") == ["svc-0001"])
    rows.send_keys(Keys.ARROW_DOWN, Keys.SPACE)
    page.wait("another beside it", lambda: page.texts(".card h2") == ["svc-0001", "svc-0002"])
    rows.send_keys(Keys.END)
    page.wait("the list's end", lambda: "svc-9999" in [text.split("\n")[0] for text in page.texts(".row")])
    page.expect("the address remembers", page.driver.current_url.endswith("#svc-0001,svc-0002"))
    page.expect(f"a clean console: {page.console()}", not page.console())


def token(page):
    page.wait("the question for the token", lambda: page.driver.find_element(By.ID, "ask").is_displayed())
    page.picture("token")
    page.driver.find_element(By.ID, "token").send_keys("s3cret", Keys.ENTER)
    page.wait("the forecast", lambda: page.texts(".card h2") == ["api-app"])
    page.wait("its chart", lambda: page.script("return document.querySelectorAll('.forecast-line').length") >= 1)


page = Page(sys.argv[1], sys.argv[2])
try:
    {"two-apps": two_apps, "many": many, "token": token}[sys.argv[3]](page)
finally:
    page.driver.quit()
