"""Looks at the live page with a real Chromium: page_check.py <address> <folder for screenshots> <scene>.

Prints "seen: …" for each thing found, so that the caller can change what the server serves in between; ends with 1 and a
message when something is missing.
"""

import sys

import yaml
from browser import Page
from selenium.webdriver.common.keys import Keys


def picture(page, name):
    page.picture(f"{sys.argv[2]}/{name}.png")


def accessible(page, what):
    """Nothing that axe knows to be wrong, in light and dark."""
    for theme in ("dark", "light"):
        page.theme(theme)
        found = page.accessibility()
        page.expect(f"{what} accessible, {theme}: {found}", not found)


def fits_a_phone(page, what):
    page.size(375, 812, 2)
    page.expect(f"{what}: nothing wider than the phone", page.script("return document.documentElement.scrollWidth") <= 375)


def clean_console(page):
    entries = page.console()
    page.expect(f"a clean console: {entries}", not entries)


def two_apps(page):
    page.wait("both workloads", lambda: page.texts(".card h2") == ["api-app", "shop-web"])
    page.wait("a live connection", lambda: page.texts("#link") == ["live"])
    page.wait("both charts", lambda: page.script("return document.querySelectorAll('.chart .load-line').length") >= 2)
    page.expect("no list for two", not page.find("#side").is_displayed())
    page.expect("a band each", page.script("return document.querySelectorAll('.chart .band').length") == 2)
    page.expect("the lead time", "lead time 5 min" in page.script("return document.querySelector('.chart').textContent"))
    needed, asked = page.texts(".card .pods dd")[:2]
    page.expect(f"what the load needs: {needed}", needed.endswith("pods"))
    page.expect(f"what KEDA is asked for: {asked}", asked.endswith("pods"))
    page.expect("the lead in the picture", page.texts(".chart .halo")[0] == "5 min")
    page.expect("the story", "before." in page.texts(".story")[0])
    page.expect("model and accuracy", "model seasonal baseline · MASE 0.42" in page.texts(".facts")[0])
    page.script("window.keptSince = 'the first load'")
    for theme in ("light", "dark"):
        page.theme(theme)
        picture(page, f"two-apps-{theme}")
    fits_a_phone(page, "two apps")
    picture(page, "two-apps-phone")
    page.size(1360, 1000)
    accessible(page, "two apps")

    chart = page.find("svg.chart")
    page.script("document.querySelector('svg.chart').focus()")
    chart.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    page.wait("values by keyboard", lambda: "forecast" in page.texts(".readout")[0] and "requested" in page.texts(".readout")[0])
    chart.send_keys(Keys.ESCAPE)
    page.wait("no cursor", lambda: page.texts(".readout")[0] == "")

    page.wait("the next plan", lambda: "model renewed" in page.texts(".facts")[0])
    page.wait("its pods", lambda: page.texts(".card .pods dd")[1] == "17 pods")
    page.wait("a stale plan", lambda: "fallback" in page.texts(".story")[0] and page.texts(".card .pods dd")[1] == "nothing")
    page.wait("a workload less", lambda: page.texts(".card h2") == ["shop-web"])
    page.expect("no reload meanwhile", page.script("return window.keptSince") == "the first load")
    clean_console(page)
    page.wait("the host's absence", lambda: page.texts("#link") == ["disconnected"])
    page.wait("since when", lambda: page.texts("#lost")[0].startswith("Disconnected since "))
    age = page.texts(".facts")[0].split("planned ")[-1]
    page.wait("an age that grows", lambda: page.texts(".facts")[0].split("planned ")[-1] != age)


def first_names(page):
    return [text for text in page.texts(".row .name") if text != "…"]


def many(page):
    page.wait("the list", lambda: page.texts("#count") == ["10,000 workloads"])
    page.wait("its rows", lambda: "svc-0000" in first_names(page))
    page.wait("what all plans were worth", lambda: page.texts("#worth") == [
        "7 days, compared with an HPA: would have avoided 41 violation minutes and saved 9 % of pod-hours"])
    page.expect("few rows in the document", page.script("return document.querySelectorAll('.row').length") < 60)
    page.expect("a picture in each", page.script("return document.querySelector('.sparkline').getAttribute('d').length") > 100)
    for theme in ("light", "dark"):
        page.theme(theme)
        picture(page, f"many-{theme}")
    accessible(page, "the list")
    fits_a_phone(page, "the list")
    picture(page, "many-phone")
    accessible(page, "the list on a phone")
    page.size(1360, 1000)

    page.find("[data-order=rise]").click()
    page.wait("the largest rise first", lambda: page.texts(".row .peak")[0].startswith("↑"))
    page.expect("which is said", page.find(".heads .peak").get_attribute("aria-sort") == "descending")
    page.find("[data-order=name]").click()
    page.wait("names again", lambda: "svc-0000" in first_names(page)[:1])
    page.find("[data-order=name]").click()
    page.wait("names from the end", lambda: "svc-9999" in first_names(page)[:1])
    page.find("[data-order=name]").click()

    def group(text):
        next(one for one in page.driver.find_elements("css selector", "#group option") if one.text == text).click()

    group("group by team")
    page.wait("the groups of a label", lambda: [text.split(" ")[:2] for text in page.texts("#groups button")] == [["shop", "100"], ["blog", "50"]])
    accessible(page, "the groups")
    picture(page, "groups")
    page.driver.find_elements("css selector", "#groups button")[1].click()
    page.wait("a group's workloads", lambda: page.texts("#count") == ["50 of 10,000 workloads"])
    page.find("#search").clear()
    group("no groups")
    page.find("#search").send_keys(Keys.SPACE, Keys.BACKSPACE)
    page.wait("no groups", lambda: page.texts("#count") == ["10,000 workloads"] and not page.find("#groups").is_displayed())

    page.find("body").send_keys("/")
    search = page.find("#search")
    page.expect("a key for the search", page.script("return document.activeElement.id") == "search")
    search.send_keys("svc-0042")
    page.wait("what was searched", lambda: page.texts("#count") == ["1 of 10,000 workloads"] and first_names(page) == ["svc-0042"])
    search.send_keys(Keys.ENTER)
    page.wait("the one opened", lambda: page.texts(".card h2") == ["svc-0042"])
    search.clear()
    search.send_keys(Keys.SPACE, Keys.BACKSPACE)
    page.wait("all again", lambda: page.texts("#count") == ["10,000 workloads"] and "svc-0001" in first_names(page))
    rows = page.find("#list")
    rows.send_keys(Keys.HOME, Keys.ARROW_DOWN, Keys.ENTER)
    page.wait("one opened by keyboard", lambda: page.texts(".card h2") == ["svc-0001"])
    rows.send_keys(Keys.ARROW_DOWN, Keys.SPACE)
    page.wait("another beside it", lambda: page.texts(".card h2") == ["svc-0001", "svc-0002"])
    page.expect("the address remembers", page.driver.current_url.endswith("#svc-0001,svc-0002"))
    rows.send_keys(Keys.END)
    page.wait("the list's end", lambda: "svc-9999" in first_names(page))
    page.driver.back()
    page.wait("the way back", lambda: page.texts(".card h2") == ["svc-0001"])
    page.find("#list").send_keys(Keys.ESCAPE)
    page.wait("the list alone", lambda: page.texts(".card") == [])
    page.script("location.hash = 'ghost'")
    page.wait("what there is not", lambda: "There is no forecast of ghost." in page.texts("#empty"))
    clean_console(page)


def token(page):
    page.wait("the question for the token", lambda: page.find("#ask").is_displayed())
    picture(page, "token")
    accessible(page, "the question")
    page.find("#token").send_keys("s3cret", Keys.ENTER)
    page.wait("the forecast", lambda: page.texts(".card h2") == ["api-app"])
    page.wait("its chart", lambda: page.script("return document.querySelectorAll('.forecast-line').length") >= 1)


def configuration(page):
    page.wait("the workload", lambda: page.texts(".card h2") == ["api-app"])
    page.find(".card h2 a").click()
    page.wait("its file", lambda: "targetPerPod: 50" in page.find("#text").text)
    page.expect("which is YAML", yaml.safe_load(page.find("#text").text)["workloads"][0]["name"] == "api-app")
    page.expect("nothing that the host does not offer", not page.find(".whatif").is_displayed())
    accessible(page, "the configuration")
    page.find("#tab-file").send_keys(Keys.ARROW_RIGHT)
    page.wait("the ScaledObject", lambda: page.find("#text").text == "kind: ScaledObject")
    def trigger():
        return yaml.safe_load(page.find("#text").text).get("spec", {"triggers": [{"metadata": {}}]})["triggers"][0]["metadata"]
    page.find("#mode").send_keys("load")
    page.wait("a trigger in load", lambda: trigger().get("mode") == "load" and "select" not in trigger())
    page.find("#select").send_keys("at-lead")
    page.wait("at the lead time", lambda: trigger().get("select") == "at-lead")
    page.find("#mode").send_keys("replicas")
    page.wait("in replicas again", lambda: "mode" not in trigger() and trigger().get("select") == "at-lead")
    accessible(page, "the trigger's choices")
    page.find("#tab-object").send_keys(Keys.ARROW_LEFT)
    page.wait("no choice for the file", lambda: not page.find("#mode").is_displayed())
    page.find("#tab-file").send_keys(Keys.ARROW_RIGHT)
    page.wait("the choice kept", lambda: page.find("#mode").is_displayed() and trigger().get("select") == "at-lead")
    page.find(".copy").click()
    page.wait("copied", lambda: page.find(".copy").text != "Copy")
    fits_a_phone(page, "the configuration")
    clean_console(page)


def workload(page):
    """A workload's own page, of a host that explains its plans and tries other settings too."""
    page.wait("the workload", lambda: page.texts(".card h2") [:1] == ["api-app"])
    page.find(".card h2 a").click()
    page.wait("its page", lambda: len(list(filter(None, page.texts(".sections .panel")))) == 4 and page.driver.title.startswith("api-app"))
    page.wait("what its plan was worth", lambda: "Would have avoided 41 violation minutes and saved 9 % of pod-hours." in page.texts(".worth .verdict"))
    tiles = page.texts(".worth .tiles li")
    page.expect(f"in tiles: {tiles}", len(tiles) == 7 and "51 → 10" in tiles[0] and "400 → 364" in tiles[1] and "91 %" in tiles[6])
    page.wait("why so many pods", lambda: "at 50 per pod" in page.texts(".chain")[0] and "headroom" in page.texts(".chain")[0])
    page.wait("its sliders", lambda: page.texts(".whatif output")[0] == "50" and "× 1.20" in page.texts(".whatif output"))
    page.expect("nothing tried", not page.find(".reset").is_enabled())
    page.wait("its configuration", lambda: "targetPerPod: 50" in page.find("#text").text)
    page.expect("which is YAML", yaml.safe_load(page.find("#text").text)["workloads"][0]["name"] == "api-app")
    accessible(page, "the workload's page")

    page.slide("#target", 25)
    page.wait("twice the pods", lambda: "+100 %" in page.texts(".outcome")[0] or "+9" in page.texts(".outcome")[0])
    page.wait("drawn", lambda: len(page.script("return document.querySelector('.chart .trial-line')?.getAttribute('d') ?? ''")) > 20)
    page.wait("in the text to copy", lambda: "targetPerPod: 25" in page.find("#text").text)
    page.expect("from what is in force", "3 → " in page.texts(".outcome b")[0])
    page.slide("#lead", 600)
    page.find("[name=margin][value=quantile]").click()
    page.wait("a quantile", lambda: "p99" in page.texts(".whatif output"))
    page.find("#quantile").send_keys(Keys.ARROW_LEFT)
    page.wait("another by keyboard", lambda: "p95" in page.texts(".whatif output"))
    page.wait("still from what is in force, at its own lead time", lambda: "3 → 9" in page.texts(".outcome b")[0])
    page.wait("the quantile to copy", lambda: "quantileLevel: 0.95" in page.find("#text").text)
    page.expect("no word of a shortage's cost", not page.find("#cost").is_displayed() and not page.find("#cost-note").is_displayed())
    page.find("[name=margin][value=quantile]").send_keys(Keys.ARROW_DOWN)
    page.wait("a shortage's cost instead, some times the pods in force", lambda: "20" in page.texts(".whatif output"))
    page.expect("the quantile away", not page.find("#quantile").is_displayed())
    note = page.find("#" + page.find("#cost").get_attribute("aria-describedby"))
    page.expect("what it means", note.is_displayed() and "pod-minutes" in note.text)
    page.find("#cost").send_keys(Keys.ARROW_RIGHT)
    page.wait("a higher one to copy", lambda: "shortageCost: 30" in page.find("#text").text and "quantile" not in page.find("#text").text)
    page.wait("planned with it", lambda: " → " in page.texts(".outcome b")[0])
    fewer = int(page.texts(".outcome b")[0].split(" → ")[1])
    page.find("#cost").send_keys(Keys.END)
    page.wait("more pods when it is dear", lambda: int(page.texts(".outcome b")[0].split(" → ")[1]) > fewer)
    page.find("[name=margin][value=shortageCost]").send_keys(Keys.ARROW_DOWN)
    page.wait("an objective instead", lambda: "99.9 %" in page.texts(".whatif output"))
    note = page.find("#" + page.find("#objective").get_attribute("aria-describedby"))
    page.expect("what it means", note.is_displayed() and "suffice" in note.text and not page.find("#cost").is_displayed())
    page.wait("an objective to copy", lambda: "objective: 0.999" in page.find("#text").text and "shortage" not in page.find("#text").text)
    for theme in ("light", "dark"):
        page.theme(theme)
        picture(page, f"workload-{theme}")
    page.find("#tab-file").send_keys(Keys.ARROW_RIGHT)
    page.wait("the ScaledObject", lambda: "kind: ScaledObject" in page.find("#text").text)
    trigger = yaml.safe_load(page.find("#text").text)["spec"]["triggers"][0]["metadata"]
    page.expect(f"with the lead time tried: {trigger}", trigger["leadTime"] == "10m" and trigger["workload"] == "api-app")
    page.find(".copy").click()
    page.wait("copied", lambda: page.find(".copy").text != "Copy")
    accessible(page, "what if")
    page.find(".reset").click()
    page.wait("the settings in force again", lambda: page.texts(".whatif output")[0] == "50" and not page.find(".reset").is_enabled())
    fits_a_phone(page, "the workload's page")
    picture(page, "workload-phone")
    page.expect("every section on a phone", all(one.size["width"] <= 375 for one in page.driver.find_elements("css selector", ".panel")))
    page.find("#back").click()
    page.wait("back", lambda: page.texts(".sections") == [])
    page.driver.find_elements("css selector", ".card h2 a")[1].click()
    page.wait("a cost in force", lambda: page.driver.title.startswith("shop-web") and "42" in page.texts(".whatif output"))
    page.expect("which is nothing tried", not page.find(".reset").is_enabled())
    clean_console(page)


def ranges(page):
    """Time ranges, zoom and pan of a workload's chart."""
    def length(style, least=40):
        return len(page.script(f"return document.querySelector('.chart .{style}')?.getAttribute('d') ?? ''")) >= least

    def ticks():
        return page.script("return [...document.querySelectorAll('.chart text')].map((text) => text.textContent)")

    def pressed():
        return page.texts(".range [aria-pressed=true]")

    page.size(1400, 1000)
    page.wait("the workload", lambda: page.texts(".card h2") == ["api-app"])
    page.expect("no range in an overview", not page.find(".range").is_displayed())
    page.find(".card h2 a").click()
    page.wait("the ranges", lambda: page.find(".range").is_displayed() and pressed() == ["plan"])
    page.wait("the forecasts made before", lambda: length("past-forecast") and length("past-band"))
    page.wait("the load above the requested pods", lambda: page.script("return document.querySelectorAll('.violation').length") >= 2)
    page.wait("the range's name", lambda: "p10–p90" in page.find(".legend").text)
    page.expect("the violations' name", "load above the requested pods" in page.find(".legend").text)
    page.expect("unit and time zone", "http_requests_per_second" in ticks() and page.script(
        "return document.querySelector('.chart .zone').textContent.length") >= 3)
    page.expect("the real pods", length("ready-line") and "ready pods" in page.find(".legend").text)
    page.expect("a mark for each event", page.script("return document.querySelectorAll('.chart .event').length") == 3)
    page.expect("words at the marks", {"settings", "failing", "capped"} <= set(ticks()))
    page.wait("the events in words", lambda: [text.split("\n")[-1].split(":")[0] for text in page.texts(".events li")] == [
        "capped at 4", "collect failed", "the settings were changed"])
    page.wait("the start-up of its pods", lambda: "Pods of api-app took 74 s to start (p95 of 212)." in page.find(".why").text)
    page.expect("the plan's lead time", "lead time 89 s" in " ".join(ticks()))
    for width in (1400, 400):
        page.size(width, 1000 if width == 1400 else 812, 1 if width == 1400 else 2)
        accessible(page, f"the ranges at {width}")
        for theme in ("dark", "light"):
            page.theme(theme)
            picture(page, f"range-plan-{width}-{theme}")
        page.expect(f"nothing wider than {width}", page.script("return document.documentElement.scrollWidth") <= width)
    page.size(1400, 1000)

    for text, points in [("1 h", 360), ("6 h", 361), ("1 d", 1441), ("7 d", 10080)]:
        next(one for one in page.driver.find_elements("css selector", ".range button") if one.text == text).click()
        page.wait(f"{text} chosen", lambda: pressed() == [text])
        page.wait(f"samples for {text}", lambda: page.script(
            "return performance.getEntriesByType('resource').some((one) => one.name.endsWith(arguments[0]))", f"points={points}"))
        page.wait(f"{text} drawn", lambda: length("load-line", 200))
        picture(page, f"range-{text.replace(' ', '')}")
    page.wait("days at the axis", lambda: any(day in text for text in ticks() for day in ("Thu", "Fri", "Sat")))

    chart = page.find("svg.chart")
    whole = page.find("[aria-label='whole range']")
    page.expect("nothing to go back to", not whole.is_enabled())
    page.script("document.querySelector('svg.chart').focus()")
    before = ticks()
    chart.send_keys("+")
    page.wait("zoom by keyboard", lambda: ticks() != before and whole.is_enabled())
    zoomed = ticks()
    chart.send_keys(Keys.SHIFT, Keys.ARROW_LEFT)
    page.wait("pan by keyboard", lambda: ticks() != zoomed)
    accessible(page, "the zoomed chart")
    picture(page, "range-zoomed")
    chart.send_keys("0")
    page.wait("the whole range by keyboard", lambda: ticks() == before and not whole.is_enabled())
    page.find("[aria-label='zoom in']").click()
    page.wait("zoom by button", lambda: whole.is_enabled())
    zoomed = ticks()
    page.drag("svg.chart", 150)
    page.wait("pan by dragging", lambda: ticks() != zoomed)
    whole.click()
    page.wait("the whole range by button", lambda: not whole.is_enabled())
    next(one for one in page.driver.find_elements("css selector", ".range button") if one.text == "1 h").click()
    page.wait("an hour again", lambda: pressed() == ["1 h"])
    page.script("document.querySelector('svg.chart').focus()")
    chart.send_keys(*[Keys.PAGE_UP] * 3)
    page.wait("what was forecast, in words", lambda: "forecast 89 s before" in page.texts(".readout")[0])
    clean_console(page)


def rows(page):
    return {row[0]: row[1:] for row in page.script(
        "return [...document.querySelectorAll('.row')].map((row) => [...row.children].map((cell) => cell.textContent))")}


def states(page):
    """Workloads in every state: in the list, by the filter, and on a page of their own."""
    page.wait("all workloads", lambda: page.texts("#count") == [
        "9 workloads · 1 capped · 2 failing · 1 stale · 1 bridged · 1 starting · 1 dry-run"])
    page.wait("their states", lambda: {name: cells[0] for name, cells in rows(page).items()} == {
        "broken": "failing", "capped": "capped", "dark": "bridged", "fine": "ok", "later": "ok", "new": "starting",
        "old": "stale", "shaky": "failing", "trial": "dry-run"})
    found = rows(page)
    page.expect(f"the need beside the plan: {found['capped']}", found["capped"][3:5] == ["23", "10 pods"])
    page.expect(f"no load that nobody measured: {found['dark']}", found["dark"][2].startswith("no sample since "))
    page.expect(f"no rise of a stale plan: {found['old']}", "↑" not in found["old"][5] and found["old"][4] == "nothing")
    page.expect(f"nothing of what has no plan: {found['broken']}", found["broken"][3:6] == ["–", "nothing", "–"])
    for size in ((1400, 800), (400, 800)):
        page.size(*size, 1 if size[0] > 600 else 2)
        picture(page, f"states-{size[0]}")
        page.expect(f"nothing wider than {size[0]}", page.script("return document.documentElement.scrollWidth") <= size[0])
        accessible(page, f"the states at {size[0]}")
    page.size(1400, 900)

    page.script("const s = document.querySelector('#state'); s.value = arguments[0]; s.dispatchEvent(new Event('change'))",
                "capped,bridged,stale,failing")
    page.wait("those with problems", lambda: sorted(rows(page)) == ["broken", "capped", "dark", "old", "shaky"])
    page.script("const s = document.querySelector('#state'); s.value = ''; s.dispatchEvent(new Event('change'))")
    page.wait("all again", lambda: len(rows(page)) == 9)

    def opened(name, title):
        page.script("location.hash = arguments[0]", name)
        page.wait(f"{name} opened", lambda: page.texts(".card h2") == [name])
        page.wait(f"{name} as {title}", lambda: page.texts(".pill.state") == [title])
        accessible(page, name)
        page.size(400, 800, 2)
        page.expect(f"{name} on a phone", page.script("return document.documentElement.scrollWidth") <= 400)
        picture(page, f"{name}-400")
        page.size(1400, 900)
        picture(page, f"{name}-1400")

    opened("capped", "capped")
    page.wait("the headline", lambda: page.texts(".alarm") == ["Capped at 10: the load needs 23."])
    page.wait("which limit", lambda: "up to 23 pods, and the maximum is 10." in page.texts(".story")[0])
    page.wait("the need uncapped", lambda: page.texts(".card .pods dd")[:2] == ["23 pods", "10 pods"])
    page.wait("lines of the limits", lambda: page.script(
        "return [...document.querySelectorAll('.chart .bound')].map((text) => text.textContent)") == ["min 2", "max 10"])
    page.expect("and of the need", page.script("return document.querySelectorAll('.chart .need-line').length") == 1)
    opened("later", "")
    page.wait("a cap that comes", lambda: "the load needs up to 23 pods, and the maximum is 10." in page.texts(".story")[0])
    opened("dark", "bridged")
    page.wait("since when there is no sample", lambda: page.texts(".card .load dd")[0].startswith("no sample since "))
    page.expect("until when it is bridged", "the plan is based on the forecast until" in page.texts(".alarm")[0])
    opened("broken", "failing")
    page.wait("the error and its beginning", lambda: page.texts(".alarm")[0].startswith("Failing since ")
              and page.texts(".alarm")[0].endswith("(3 rounds): collect: Connection refused"))
    page.expect("no chart of nothing", not page.find(".chart").is_displayed())
    opened("trial", "dry run")
    page.wait("nothing of KEDA", lambda: "KEDA" not in page.texts(".card")[0] and "dry run" in page.texts(".story")[0])
    opened("old", "stale")
    page.wait("nothing requested", lambda: page.texts(".card .pods dd")[1] == "nothing")
    clean_console(page)


page = Page(sys.argv[1])
try:
    {"two-apps": two_apps, "many": many, "token": token, "configuration": configuration, "workload": workload, "states": states,
     "ranges": ranges}[sys.argv[3]](page)
finally:
    page.driver.quit()
