// The list of workloads: a grid that contains only the visible rows; the host sorts and searches.

import { durationText, numberText, sparkline, timeText } from "./chart.js";
import { clock } from "./feed.js";

const byId = (id) => document.getElementById(id);
const list = byId("list"), sizer = byId("sizer"), search = byId("search"), order = byId("order"), state = byId("state"), group = byId("group");
const rowHeight = 46, margin = 30;
const cells = ["name", "state", "picture", "load", "planned", "asked", "peak", "model", "error", "age"];
/** The states, those with problems first. */
const states = ["capped", "failing", "stale", "bridged", "learning", "starting", "dry-run", "ok"];

/** The visible rows and those near them, by their position in the order. */
const rows = new Map();
let matching = 0, active = 0, first = 0, reversed = false;
let selected = new Set();
let onChange = () => {}, onOpen = () => {};

/** Sets the callbacks for when another part of the list is needed, and for when a workload is opened: `(name, adds)`. */
export function begin(changed, opened) {
  onChange = changed;
  onOpen = opened;
}

/** The parameters of the event stream that select the visible rows. */
export function query() {
  const count = Math.ceil((list.clientHeight || 600) / rowHeight) + 2 * margin;
  const parameters = new URLSearchParams({ first, count });
  if (search.value.trim()) parameters.set("search", search.value.trim());
  if (state.value) parameters.set("state", state.value);
  if (order.value !== "name") parameters.set("order", order.value);
  if (reversed) parameters.set("reversed", true);
  if (group.value) parameters.set("groups", group.value);
  return parameters;
}

/** Applies an event. */
export function update(event, isFirst) {
  if (isFirst) rows.clear();
  matching = event.matching;
  for (const row of event.rows) rows.set(row.index, row);
  for (const index of rows.keys()) if (index >= matching) rows.delete(index);
  active = Math.min(active, Math.max(0, matching - 1));
  const all = `${event.total.toLocaleString()} workload${event.total === 1 ? "" : "s"}`;
  const found = search.value.trim() || state.value ? `${matching.toLocaleString()} of ${all}` : all;
  const special = states.filter((name) => name !== "ok" && event.states[name]);
  const text = [found, ...special.map((name) => `${event.states[name].toLocaleString()} ${name}`)].join(" · ");
  if (byId("count").textContent !== text) byId("count").textContent = text;
  const totals = matching > 1 ? `${pods(event.pods)} requested · at most ${pods(event.peak)} ahead` : "";
  if (byId("totals").textContent !== totals) byId("totals").textContent = totals;
  offerLabels(event.labels ?? []);
  showGroups(group.value ? event.groups ?? [] : []);
  byId("none").hidden = matching > 0;
  sizer.style.height = `${matching * rowHeight}px`;
  list.setAttribute("aria-rowcount", matching + 1);
  draw();
}

/** Offers to group by each of the labels; a chosen one stays, even while no workload has it. */
function offerLabels(labels) {
  const text = JSON.stringify(labels);
  if ((group.dataset.labels ?? "[]") === text) return;
  group.dataset.labels = text;
  const chosen = group.value.startsWith("label:") ? group.value.slice(6) : null;
  for (const option of [...group.options].slice(2)) option.remove();
  for (const label of chosen === null || labels.includes(chosen) ? labels : [...labels, chosen]) {
    group.append(new Option(`group by ${label}`, `label:${label}`, false, label === chosen));
  }
}

/** Shows the groups as buttons, each of which searches for its workloads. */
function showGroups(groups) {
  const place = byId("groups");
  place.hidden = groups.length === 0;
  const text = JSON.stringify(groups);
  if (place.dataset.shown === text) return;
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.group : null;
  place.dataset.shown = text;
  place.replaceChildren(...groups.map((entry) => {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.dataset.group = entry.name;
    button.append(`${entry.name} ${entry.workloads.toLocaleString()} · ${pods(entry.pods)} · ahead ${entry.peak.toLocaleString()}`);
    if (entry.problems) {
      button.append(Object.assign(document.createElement("span"), { className: "short", textContent: ` · ${entry.problems.toLocaleString()} with problems` }));
    }
    button.addEventListener("click", () => {
      search.value = entry.search;
      search.dispatchEvent(new Event("input"));
    });
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  if (focused) [...place.querySelectorAll("button")].find((button) => button.dataset.group === focused)?.focus();
}

/** The row of a workload, if it is visible or near the visible rows. */
export const find = (name) => [...rows.values()].find((row) => row.workload === name);
/** The names of the visible rows and those near them. */
export const names = () => [...rows.values()].map((row) => row.workload);

/** Marks the workloads that are shown. */
export function select(workloads) {
  selected = new Set(workloads);
  draw();
}

/** Draws the visible rows. */
export function draw() {
  if (!list.clientHeight) return;
  const top = Math.max(0, Math.floor(list.scrollTop / rowHeight) - 2);
  const bottom = Math.min(matching, top + Math.ceil(list.clientHeight / rowHeight) + 4);
  // Outside the known rows: request other rows.
  const wanted = Math.max(0, top - margin);
  if (Math.abs(wanted - first) > margin / 2 || (wanted === 0 && first > 0)) {
    first = wanted;
    onChange();
  }
  while (sizer.children.length < bottom - top) sizer.append(newRow());
  while (sizer.children.length > Math.max(0, bottom - top)) sizer.lastChild.remove();
  for (let index = top; index < bottom; index++) fill(sizer.children[index - top], rows.get(index), index);
  if (matching) list.setAttribute("aria-activedescendant", `row-${active}`);
  else list.removeAttribute("aria-activedescendant");
}

function newRow() {
  const row = document.createElement("div");
  row.className = "row";
  row.setAttribute("role", "row");
  for (const name of cells) {
    const cell = document.createElement("span");
    cell.className = name;
    cell.setAttribute("role", "gridcell");
    row.append(cell);
  }
  row.children[2].innerHTML = '<svg aria-hidden="true" preserveAspectRatio="none"></svg>';
  row.addEventListener("click", (event) => {
    if (!row.dataset.name) return;
    active = Number(row.dataset.index);
    onOpen(row.dataset.name, event.ctrlKey || event.metaKey || event.shiftKey);
  });
  return row;
}

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};
/** The current state of a row: a plan becomes stale even while the host is not reachable. */
export const stateOf = (row) => (row.staleAt !== null && clock.now > row.staleAt ? "stale" : row.state);
/** The text that replaces a missing load: the time of its newest sample. */
export const absence = (row) => (row.sampleAt ? `no sample since ${timeText(row.sampleAt)}` : "–");
const pods = (count) => `${count.toLocaleString()} pod${count === 1 ? "" : "s"}`;

function fill(element, row, index) {
  element.id = `row-${index}`;
  element.dataset.index = index;
  element.dataset.name = row?.workload ?? "";
  element.style.top = `${index * rowHeight}px`;
  element.classList.toggle("active", index === active);
  element.classList.toggle("unknown", !row);
  element.setAttribute("aria-selected", row !== undefined && selected.has(row.workload));
  element.setAttribute("aria-rowindex", index + 2);
  const [name, mark, picture, load, planned, asked, peak, model, error, age] = element.children;
  setText(name, row?.workload ?? "…");
  element.dataset.state = row ? stateOf(row) : "";
  if (!row) {
    for (const cell of [mark, load, planned, asked, peak, model, error, age]) setText(cell, "");
    return;
  }
  const isStale = element.dataset.state === "stale";
  const isCapped = row.required !== null && row.asked !== null && row.required > row.asked;
  name.title = row.workload;
  sparkline(picture.firstChild, row.forecast);
  setText(mark, element.dataset.state);
  mark.title = row.problem ?? "";
  load.classList.toggle("missing", row.load === null);
  setText(load, row.load === null ? absence(row) : numberText(row.load));
  planned.classList.toggle("short", isCapped);
  setText(planned, `${row.required ?? row.planned ?? "–"}`);
  setText(asked, row.asked === null || isStale ? "nothing" : pods(row.asked));
  const rises = !isStale && row.asked !== null && row.peak > row.asked;
  peak.classList.toggle("rises", rises);
  setText(peak, row.peak === null ? "–" : rises ? `↑ ${row.peak}` : `${row.peak}`);
  setText(model, row.model ?? "–");
  setText(error, row.error === null ? "–" : `${numberText(row.error * 100)} %`);
  setText(age, row.generatedAt === null ? "not yet" : `${durationText(Math.max(0, clock.now - row.generatedAt))} ago`);
}

function changeOrder() {
  list.scrollTop = 0;
  active = first = 0;
  for (const header of list.querySelectorAll("[role=columnheader]")) {
    const key = header.querySelector("button")?.dataset.order;
    if (!key) continue;
    // Names are sorted ascending, everything else descending.
    const isUp = (key === "name") !== reversed;
    header.setAttribute("aria-sort", key !== order.value ? "none" : isUp ? "ascending" : "descending");
  }
  onChange();
}

for (const button of list.querySelectorAll("button[data-order]")) {
  button.addEventListener("click", () => {
    reversed = order.value === button.dataset.order && !reversed;
    order.value = button.dataset.order;
    changeOrder();
  });
}
order.addEventListener("change", () => {
  reversed = false;
  changeOrder();
});
for (const choice of [state, group]) {
  choice.addEventListener("change", () => {
    list.scrollTop = 0;
    active = first = 0;
    onChange();
  });
}
list.addEventListener("scroll", draw);
new ResizeObserver(draw).observe(list);
list.addEventListener("keydown", (event) => {
  if (event.target !== list) return;
  const page = Math.max(1, Math.floor(list.clientHeight / rowHeight) - 2);
  const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -matching, End: matching };
  if (event.key in moves) {
    active = Math.min(Math.max(active + moves[event.key], 0), Math.max(0, matching - 1));
    const top = active * rowHeight, head = list.firstElementChild.offsetHeight;
    if (top < list.scrollTop) list.scrollTop = top;
    const hidden = top + rowHeight + head - list.scrollTop - list.clientHeight;
    if (hidden > 0) list.scrollTop += hidden;
    draw();
  } else if ((event.key === "Enter" || event.key === " ") && rows.has(active)) {
    onOpen(rows.get(active).workload, event.key === " ");
  } else {
    return;
  }
  event.preventDefault();
});
search.addEventListener("input", () => {
  list.scrollTop = 0;
  active = first = 0;
  onChange();
});
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && rows.has(0)) onOpen(rows.get(0).workload, false);
  if (event.key === "ArrowDown") {
    list.focus();
    event.preventDefault();
  }
});
