// Wires the host's events to the list and the cards.

import { draw, durationText, numberText, timeText } from "./chart.js";
import { follow, getDocument, setToken } from "./feed.js";
import { workloadView } from "./plan.js";

const byId = (id) => document.getElementById(id);
const main = byId("main"), list = byId("list"), sizer = byId("sizer");
const rowHeight = 46, mostCards = 4;

/** The newest row of each workload: name → { name, load, replicas, peak, isStale, made }. */
const rows = new Map();
let leadSeconds = 0;
let chosen = decodeURIComponent(location.hash.slice(1)).split(",").filter(Boolean);
let shown = [];
let active = 0;
const cards = new Map();

// The host's clock, which may run faster than ours; between two events it is carried on at the pace seen lately.

const clock = { at: 0, seen: 0, pace: 1 };

function setClock(now) {
  const seen = performance.now();
  if (clock.at && seen > clock.seen) {
    const pace = (now - clock.at) / (seen - clock.seen);
    clock.pace = pace < 0 ? 0 : clock.pace * 0.6 + pace * 0.4;
    if (Math.abs(clock.pace - pace) > 0.5 * Math.max(pace, clock.pace)) clock.pace = Math.max(0, pace);
  }
  clock.at = now;
  clock.seen = seen;
}

const hostNow = () => clock.at + Math.min(performance.now() - clock.seen, 2000) * clock.pace;

// Events

function onEvent(event) {
  setClock(event.now);
  leadSeconds = event.leadTimeSeconds;
  const sizeBefore = rows.size;
  if (event.isComplete) rows.clear();
  for (const [name, load, replicas, peak, isStale, made] of event.rows) {
    rows.set(name, { name, load, replicas, peak, isStale: isStale === 1, made });
  }
  for (const name of event.removed) rows.delete(name);
  if (event.isComplete || event.rows.length || event.removed.length) {
    arrange(rows.size !== sizeBefore || event.isComplete);
    for (const card of cards.values()) card.refresh();
  }
}

function onState(state) {
  const link = byId("link");
  const [text, kind] = { live: ["live", "good"], waiting: ["reconnecting", "bad"], refused: ["token needed", "wait"] }[state];
  if (link.textContent !== text) link.textContent = text;
  link.className = `pill ${kind}`;
}

function needToken() {
  const dialog = byId("ask");
  dialog.showModal();
  return new Promise((resolve) => {
    byId("ask-form").onsubmit = () => {
      setToken(byId("token").value);
      resolve();
    };
    dialog.oncancel = (event) => event.preventDefault();
  });
}

// The list: of thousands of rows only those in sight exist.

const orders = {
  name: (one, other) => (one.name < other.name ? -1 : 1),
  replicas: (one, other) => (other.replicas ?? 0) - (one.replicas ?? 0) || orders.name(one, other),
  rise: (one, other) => other.peak - (other.replicas ?? 0) - (one.peak - (one.replicas ?? 0)) || orders.name(one, other),
  stale: (one, other) => other.isStale - one.isStale || orders.name(one, other),
};

function arrange(namesChanged) {
  const order = byId("order").value;
  const text = byId("search").value.trim().toLowerCase();
  if (namesChanged || order !== "name") {
    shown = [...rows.values()].filter((row) => row.name.toLowerCase().includes(text)).sort(orders[order]).map((row) => row.name);
  }
  byId("side").hidden = rows.size <= 2;
  const all = `${rows.size.toLocaleString()} workloads`;
  const count = text ? `${shown.length.toLocaleString()} of ${all}` : all;
  if (byId("count").textContent !== count) byId("count").textContent = count;
  active = Math.min(active, Math.max(0, shown.length - 1));
  sizer.style.height = `${shown.length * rowHeight}px`;
  chooseCards();
  drawList();
}

function drawList() {
  if (byId("side").hidden) return;
  const first = Math.max(0, Math.floor(list.scrollTop / rowHeight) - 4);
  const names = shown.slice(first, first + Math.ceil(list.clientHeight / rowHeight) + 8);
  while (sizer.children.length < names.length) sizer.append(newRow());
  while (sizer.children.length > names.length) sizer.lastChild.remove();
  names.forEach((name, index) => fillRow(sizer.children[index], rows.get(name), first + index));
  list.setAttribute("aria-activedescendant", `row-${active}`);
}

function newRow() {
  const row = document.createElement("div");
  row.className = "row";
  row.setAttribute("role", "option");
  row.append(document.createElement("b"), document.createElement("span"), document.createElement("span"), document.createElement("span"));
  row.addEventListener("click", (event) => choose(row.dataset.name, event.ctrlKey || event.metaKey || event.shiftKey));
  return row;
}

function fillRow(row, data, index) {
  row.id = `row-${index}`;
  row.dataset.name = data.name;
  row.style.top = `${index * rowHeight}px`;
  row.classList.toggle("active", index === active);
  row.setAttribute("aria-selected", cards.has(data.name));
  row.setAttribute("aria-posinset", index + 1);
  row.setAttribute("aria-setsize", shown.length);
  const [name, pods, load, peak] = row.children;
  name.textContent = data.name;
  name.title = data.name;
  pods.className = data.isStale ? "late" : "pods";
  pods.textContent = data.isStale ? "stale" : `${data.replicas} pod${data.replicas === 1 ? "" : "s"}`;
  load.textContent = data.load === null ? "load unknown" : `load ${numberText(data.load)}`;
  peak.textContent = data.peak > (data.replicas ?? 0) ? `rises to ${data.peak}` : "";
}

function choose(name, adds) {
  if (adds) {
    chosen = chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name].slice(-mostCards);
  } else {
    chosen = [name];
  }
  active = Math.max(0, shown.indexOf(name));
  history.replaceState(null, "", `#${chosen.join(",")}`);
  chooseCards();
  drawList();
}

list.addEventListener("scroll", drawList);
list.addEventListener("keydown", (event) => {
  const page = Math.max(1, Math.floor(list.clientHeight / rowHeight) - 1);
  const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -shown.length, End: shown.length };
  if (event.key in moves) {
    active = Math.min(Math.max(active + moves[event.key], 0), shown.length - 1);
    const top = active * rowHeight;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + rowHeight > list.scrollTop + list.clientHeight) list.scrollTop = top + rowHeight - list.clientHeight;
    drawList();
  } else if ((event.key === "Enter" || event.key === " ") && shown[active]) {
    choose(shown[active], event.key === " ");
  } else {
    return;
  }
  event.preventDefault();
});
byId("search").addEventListener("input", () => {
  list.scrollTop = 0;
  active = 0;
  arrange(true);
});
byId("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && shown[0]) choose(shown[0], false);
  if (event.key === "ArrowDown") list.focus();
});
byId("order").addEventListener("change", () => arrange(true));

// The cards: one for each chosen workload; all of them while there are no more than two.

function chooseCards() {
  let wanted = chosen.filter((name) => rows.has(name));
  if (rows.size <= 2) wanted = [...rows.keys()].sort();
  else if (!wanted.length) wanted = shown.slice(0, 2);
  for (const [name, card] of cards) {
    if (!wanted.includes(name)) {
      card.element.remove();
      cards.delete(name);
    }
  }
  for (const name of wanted) if (!cards.has(name)) cards.set(name, newCard(name));
  const order = [...main.querySelectorAll(".card")].map((element) => element.dataset.workload);
  // Moving a card takes the focus from it, so they are left alone unless the order changes.
  if (order.join() !== wanted.join()) main.append(...wanted.map((name) => cards.get(name).element));
  const empty = byId("empty");
  empty.hidden = wanted.length > 0;
  empty.textContent = rows.size
    ? "Choose a workload on the list."
    : "No forecast yet. The first one appears here by itself as soon as a workload has been planned.";
}

const legend = [
  ["load-line", "measured load", "M1 9L8 4L15 7L23 3"],
  ["forecast-line", "forecast", "M1 6L23 6"],
  ["band", "its likely range", "M1 1H23V11H1Z"],
  ["pods-line", "pods KEDA is asked for", "M1 10H10V3H23"],
  ["plan-line", "pods the load needs", "M1 10H14V3H23"],
];

function newCard(name) {
  const element = document.createElement("article");
  element.className = "card";
  element.dataset.workload = name;
  element.innerHTML = `
    <div class="head">
      <div>
        <div class="title"><h2></h2><span class="pill bad" hidden>stale</span><p class="quiet"></p><a class="quiet">JSON</a></div>
        <p class="story"></p>
      </div>
      <dl class="figures">
        <div class="load"><dt>load now</dt><dd></dd></div>
        <div class="load"><dt></dt><dd></dd></div>
        <div class="pods"><dt>KEDA is asked for</dt><dd></dd></div>
        <div class="pods"><dt>most ahead</dt><dd></dd></div>
      </dl>
    </div>
    <svg class="chart" role="img" tabindex="0"></svg>
    <div class="below"><p class="readout" aria-live="polite"></p><div class="legend"></div></div>`;
  element.querySelector("h2").textContent = name;
  element.querySelector("a").href = `forecast/current?workload=${name}`;
  for (const [style, text, path] of legend) {
    const item = document.createElement("span");
    item.innerHTML = `<svg aria-hidden="true"><path class="${style}" d="${path}"/></svg>`;
    item.append(text);
    element.querySelector(".legend").append(item);
  }
  const svg = element.querySelector("svg.chart");
  let view = null, scale = null, cursor = null, fetching = false, fetched = null;

  const card = {
    element,
    async refresh() {
      const row = rows.get(name);
      if (!row || fetching || fetched === row.made) return;
      fetching = true;
      try {
        const [snapshot, past] = await Promise.all([
          getDocument(`forecast/current?workload=${name}`), getDocument(`history?workload=${name}&points=360`),
        ]);
        if (snapshot) {
          fetched = row.made;
          view = workloadView(snapshot, past, leadSeconds);
          card.draw();
        }
      } catch {
        // The next event tries again.
      } finally {
        fetching = false;
      }
    },
    draw() {
      const row = rows.get(name);
      if (!view || !row) return;
      const now = Math.max(hostNow(), view.made);
      scale = draw(svg, view, Math.min(now, view.end), cursor);
      describe(element, view, row, now, cursor);
    },
  };

  const point = (time) => {
    cursor = time === null ? null : Math.min(Math.max(time, scale.past), scale.future);
    card.draw();
  };
  svg.addEventListener("pointermove", (event) => scale && point(scale.timeAt(event.offsetX)));
  svg.addEventListener("pointerleave", () => scale && point(null));
  svg.addEventListener("blur", () => scale && point(null));
  svg.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
    if (event.key === "Escape" && scale) point(null);
    if (!(event.key in moves) || !scale) return;
    event.preventDefault();
    point((cursor ?? hostNow()) + moves[event.key] * view.step);
  });
  new ResizeObserver(() => card.draw()).observe(svg);
  card.refresh();
  return card;
}

const pods = (count) => `${count} pod${count === 1 ? "" : "s"}`;

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Writes what the chart shows in words and figures. */
function describe(element, view, row, now, cursor) {
  const { snapshot } = view;
  const part = (selector) => element.querySelector(selector);
  const accuracy = snapshot.accuracy?.mase ?? null;
  setText(part(".title p"), [
    snapshot.metric, snapshot.model && `model ${snapshot.model}`, accuracy !== null && `error ${numberText(accuracy)} MASE`,
    now - view.made < 2000 ? "planned just now" : `planned ${durationText(now - view.made)} ago`,
  ].filter(Boolean).join(" · "));

  part(".title .pill").hidden = !row.isStale;

  const [load, ahead, asked, most] = element.querySelectorAll("dd");
  setText(element.querySelectorAll("dt")[1], `load in ${durationText(view.lead)}`);
  const later = view.forecast(now + view.lead);
  setText(load, snapshot.currentValue === undefined ? "unknown" : numberText(snapshot.currentValue));
  setText(asked, row.replicas === null ? "nothing" : pods(row.replicas));
  setText(ahead, later ? numberText(later.value) : "beyond the plan");
  const peak = snapshot.desiredReplicas.indexOf(row.peak);
  const peakTime = view.made + peak * view.step;
  most.replaceChildren(`${row.peak} `, small(peakTime > now ? `at ${timeText(peakTime)}` : "now"));

  setText(part(".story"), story(view, row, now));
  const svg = part("svg.chart");
  svg.setAttribute("aria-label", `Load, forecast and pods of ${row.name}. Arrow keys read the values.`);
  setText(part(".readout"), cursor === null ? "" : readout(view, cursor, now));
}

function small(text) {
  const element = document.createElement("small");
  element.textContent = text;
  return element;
}

function story(view, row, now) {
  if (row.isStale) return "This plan is too old to act on: KEDA gets no answer and uses its fallback.";
  const rise = view.nextRise(now);
  if (!rise) {
    const fall = Math.min(...view.snapshot.desiredReplicas) < row.replicas;
    return fall ? "No rise ahead; pods leave as the load falls." : "No rise ahead; the pods are enough for the whole plan.";
  }
  const need = timeText(rise.need);
  if (rise.told === null) {
    return `The load needs more at ${need}. KEDA is asked for ${pods(rise.replicas)} already, ${durationText(rise.need - now)} before.`;
  }
  if (rise.told <= now) return `The load needs ${pods(rise.replicas)} at ${need}: they are asked for now.`;
  return `The load outgrows ${pods(rise.from)} at ${need}. KEDA will be asked for ${pods(rise.replicas)} at ${timeText(rise.told)}, ${durationText(rise.need - rise.told)} before.`;
}

function readout(view, time, now) {
  const words = [timeText(time)];
  const forecast = time > now ? view.forecast(time) : null;
  if (forecast) {
    const range = forecast.upper === undefined ? "" : ` (${numberText(forecast.lower ?? forecast.value)} to ${numberText(forecast.upper)})`;
    words.push(`forecast ${numberText(forecast.value)}${range}`);
  } else {
    const sample = view.load.find(([end]) => end >= time);
    if (sample) words.push(sample[1] === null ? "load missing" : `load ${numberText(sample[1])}`);
  }
  const asked = view.asked(time);
  if (asked !== null) words.push(`${pods(asked)} ${time > now ? "will be asked for" : "asked for"}`);
  if (time > now) words.push(`${pods(view.needed(time))} needed`);
  return words.join(" · ");
}

// Time goes on between two events: at a tenth of a second when the host's clock is fast, otherwise once a second.

let drawn = -Infinity;
function frame(time) {
  if (clock.at && time - drawn > (clock.pace > 4 ? 100 : 1000)) {
    drawn = time;
    setText(byId("clock"), `${timeText(hostNow())}${clock.pace > 1.5 ? ` · ${Math.round(clock.pace)}× speed` : ""}`);
    for (const card of cards.values()) card.draw();
  }
  requestAnimationFrame(frame);
}
requestAnimationFrame(frame);
follow(onEvent, onState, needToken);
