// Connects the host's events to the list, the cards and the workload's page.

import { newCard } from "./card.js";
import { timeText } from "./chart.js";
import { clock, follow, get, setToken } from "./feed.js";
import * as list from "./list.js";
import { newSections } from "./workload.js";

const byId = (id) => document.getElementById(id);
const main = byId("main"), back = byId("back");
const mostCards = 4;

/** The workloads in the address: none shows the list, one its page, several a comparison. */
let chosen = [];
let total = 0, leadSeconds = 0, offers = [];
/** The rows of the chosen workloads, whatever their position in the list. */
const chosenRows = new Map();
let unknown = [];
const cards = new Map();
let sections = null;
/** Whether the time of the first rows is recorded, for measurements. */
let isMarked = false;

const rowOf = (name) => chosenRows.get(name) ?? list.find(name);

function readAddress() {
  chosen = decodeURIComponent(location.hash.slice(1)).split(",").filter(Boolean).slice(0, mostCards);
  for (const name of chosenRows.keys()) if (!chosen.includes(name)) chosenRows.delete(name);
  document.title = chosen.length ? `${chosen.join(", ")} · Kedastral` : "Kedastral";
  list.select(chosen);
  subscribe();
  show();
  if (chosen.length) main.scrollTop = 0;
}

// Events

function path() {
  const parameters = list.query();
  if (chosen.length) parameters.set("chosen", chosen.join(","));
  return `events?${parameters}`;
}

let subscription = null, waiting = null;
function subscribe() {
  clearTimeout(waiting);
  waiting = setTimeout(() => subscription?.(path()), 60);
}

function onEvent(event, isFirst) {
  clock.set(event.now);
  leadSeconds = event.leadTimeSeconds;
  total = event.total;
  offers = event.offers;
  if (event.chosen) {
    chosenRows.clear();
    for (const row of event.chosen) chosenRows.set(row.workload, row);
    unknown = event.unknown;
  }
  show();
  list.update(event, isFirst);
  show();
  if (total && !isMarked) requestAnimationFrame(() => performance.mark("first rows"));
  isMarked ||= total > 0;
  for (const card of cards.values()) card.refresh();
  if (isFirst || total) showWorth();
}

/** Shows what all plans together were worth in the last seven days, at most once a minute. */
let scored = -Infinity;
async function showWorth() {
  if (!offers.includes("scorecard") || performance.now() - scored < 60_000) return;
  scored = performance.now();
  const week = (await get("scorecard?view=total").catch(() => null))?.total.find((window) => window.days === 7);
  const worth = byId("worth");
  worth.hidden = !week?.measuredMinutes;
  if (!worth.hidden) worth.textContent = `7 days, compared with an HPA: ${week.verdict}`;
}

function onState(state) {
  const link = byId("link");
  const [text, kind] = { live: ["live", "good"], waiting: ["disconnected", "bad"], refused: ["token needed", "wait"] }[state];
  clock.isLost = state === "waiting" && clock.at > 0;
  showLoss();
  if (link.textContent !== text) link.textContent = text;
  link.className = `pill ${kind}`;
}

/** Shows since when the host has been silent. */
function showLoss() {
  const lost = byId("lost");
  lost.hidden = !clock.isLost;
  const text = clock.isLost ? `Disconnected since ${timeText(clock.at)}. The page shows the last known values and keeps trying.` : "";
  if (lost.textContent !== text) lost.textContent = text;
}

function needToken() {
  const dialog = byId("ask");
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    byId("ask-form").onsubmit = () => {
      setToken(byId("token").value);
      resolve();
    };
    dialog.oncancel = (event) => event.preventDefault();
  });
}

// The view: the list, or cards next to it; for one or two workloads only the cards.

function show() {
  const isFew = total > 0 && total <= 2;
  const view = chosen.length || isFew ? "cards" : "table";
  document.body.dataset.view = view;
  byId("side").hidden = isFew || total === 0;
  back.hidden = !chosen.length;
  let wanted = chosen.filter(rowOf);
  if (isFew && !chosen.length) wanted = list.names().sort();
  for (const [name, card] of cards) {
    if (wanted.includes(name)) continue;
    card.element.remove();
    cards.delete(name);
  }
  for (const name of wanted) {
    if (!cards.has(name)) cards.set(name, newCard(name, () => rowOf(name), () => leadSeconds));
    cards.get(name).element.classList.toggle("alone", chosen.length === 1);
  }
  const order = [...main.querySelectorAll(".card")].map((element) => element.dataset.workload);
  // Moving a card removes its focus, so cards are moved only when the order changes.
  if (order.join() !== wanted.join()) main.append(...wanted.map((name) => cards.get(name).element));

  const single = chosen.length === 1 && wanted.length === 1 ? wanted[0] : null;
  if (sections && sections.name !== single) {
    sections.element.remove();
    sections = null;
  }
  if (single && !sections) {
    sections = newSections(single, cards.get(single), () => leadSeconds, () => offers);
    main.append(sections.element);
  }
  const empty = byId("empty");
  empty.hidden = wanted.length > 0 || (total > 0 && view === "table");
  const missing = unknown.filter((name) => chosen.includes(name));
  if (missing.length) empty.textContent = `There is no forecast of ${missing.join(", ")}.`;
  else if (total === 0 && clock.at) {
    empty.textContent = "No forecast yet. The first one appears here when the first workload has a plan.";
  }
}

function open(name, adds) {
  if (!adds) chosen = [name];
  else chosen = chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name].slice(-mostCards);
  location.hash = chosen.map(encodeURIComponent).join(",");
}

list.begin(subscribe, open);
window.addEventListener("hashchange", readAddress);
window.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, select, textarea, dialog");
  if (event.key === "/" && !isTyping && !byId("side").hidden) {
    event.preventDefault();
    byId("search").focus();
  }
  if (event.key === "Escape" && chosen.length && !isTyping && !event.defaultPrevented) {
    location.hash = "";
    byId("list").focus();
  }
});

// The clock is updated between two events: every tenth of a second when the host's clock is fast, otherwise every second.

let drawn = -Infinity;
function frame(time) {
  if (clock.at && time - drawn > (clock.pace > 4 ? 100 : 1000)) {
    drawn = time;
    const text = `${timeText(clock.now)}${clock.pace > 1.5 ? ` · ${Math.round(clock.pace)}× speed` : ""}`;
    if (byId("clock").textContent !== text) byId("clock").textContent = text;
    for (const card of cards.values()) card.draw();
    list.draw();
  }
  requestAnimationFrame(frame);
}
readAddress();
subscription = follow(path(), onEvent, onState, needToken);
requestAnimationFrame(frame);
