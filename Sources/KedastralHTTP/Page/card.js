// A workload's card: numbers, a description, and the chart.

import { draw, durationText, momentText, numberText, timeText } from "./chart.js";
import { clock, get } from "./feed.js";
import { absence, stateOf } from "./list.js";
import { workloadView } from "./plan.js";
import { newRange } from "./range.js";

const legend = [
  ["load-line", "measured load", "M1 9L8 4L15 7L23 3"],
  ["forecast-line", "forecast", "M1 6L23 6"],
  ["past-forecast", "forecast one lead time before", "M1 8L8 5L15 6L23 4"],
  ["pods-line", "requested pods", "M1 10H10V3H23"],
  ["plan-line", "planned pods", "M1 10H14V3H23"],
];

const small = (text) => Object.assign(document.createElement("small"), { textContent: text });
const pods = (count) => `${count} pod${count === 1 ? "" : "s"}`;

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Creates the card of a workload; `row` returns its newest row, `leadSeconds` the host's lead time. */
export function newCard(name, row, leadSeconds) {
  const element = document.createElement("article");
  element.className = "card";
  element.dataset.workload = name;
  element.innerHTML = `
    <div class="head">
      <div>
        <div class="title"><h2><a></a></h2><span class="pill state" hidden></span></div>
        <p class="facts quiet"></p>
        <p class="alarm" hidden></p>
        <p class="story"></p>
      </div>
      <dl class="figures">
        <div class="load"><dt>current load</dt><dd></dd></div>
        <div class="load"><dt></dt><dd></dd></div>
        <div class="pods"><dt>required</dt><dd></dd></div>
        <div class="pods"><dt>requested</dt><dd></dd></div>
        <div class="pods"><dt>maximum ahead</dt><dd></dd></div>
      </dl>
    </div>
    <svg class="chart" role="img" tabindex="0"></svg>
    <div class="below"><p class="readout" aria-live="polite"></p><div class="legend"></div></div>`;
  const link = element.querySelector("h2 a");
  link.textContent = name;
  link.href = `#${encodeURIComponent(name)}`;
  const addLegend = (style, text, path) => {
    const item = document.createElement("span");
    item.innerHTML = `<svg aria-hidden="true"><path class="${style}" d="${path}"/></svg>`;
    item.append(text);
    element.querySelector(".legend").append(item);
    return item;
  };
  for (const entry of legend) addLegend(...entry);
  const bandLegend = addLegend("band", "", "M1 1H23V11H1Z");
  const violationLegend = addLegend("violation", "load above the requested pods", "M1 1H23V11H1Z");
  const trialLegend = addLegend("trial-line", "with your settings", "M1 10H6V4H23");
  trialLegend.hidden = true;
  const boundLegend = addLegend("bound-line", "minimum and maximum", "M1 3H23");
  const readyLegend = addLegend("ready-line", "ready pods", "M1 10H12V3H23");
  const needLegend = addLegend("need-line", "required pods", "M1 10V3H23");

  const svg = element.querySelector("svg.chart");
  let view = null, scale = null, cursor = null, fetching = false, fetched = null, trial = null;
  const range = newRange(svg, () => scale, (needsSamples) => {
    cursor = null;
    card.draw();
    if (!needsSamples) return;
    fetched = null;
    card.refresh();
  });
  svg.before(range.element);

  const card = {
    element,
    /** Called after each new plan. */
    onPlan: () => {},
    get snapshot() { return view?.snapshot; },
    get events() { return view?.events ?? []; },
    async refresh() {
      const newest = row();
      if (!newest || fetching || fetched === newest.generatedAt) return;
      if (newest.generatedAt === null) return card.draw();
      fetching = true;
      const points = range.points(view?.step);
      try {
        const [snapshot, past] = await Promise.all([
          get(`forecast/current?workload=${name}`), get(`history?workload=${name}&points=${points}`),
        ]);
        if (snapshot) {
          fetched = newest.generatedAt;
          view = workloadView(snapshot, past, leadSeconds());
          card.draw();
          card.onPlan();
        }
      } catch {
        // The next event retries.
      } finally {
        fetching = false;
      }
      // Another range may have been chosen meanwhile.
      if (view && range.points(view.step) !== points) {
        fetched = null;
        card.refresh();
      }
    },
    /** Shows a plan under other settings in addition to the real one: `{ replicas, leadSeconds }`, or null. */
    try(plan) {
      trial = plan;
      trialLegend.hidden = plan === null;
      card.draw();
    },
    draw() {
      const newest = row();
      if (!newest) return;
      element.classList.toggle("planless", !view);
      if (!view) return describeAbsence(element, newest);
      // A card that is not on the page has no size to draw in.
      if (!svg.clientHeight) return;
      boundLegend.hidden = !view.hasBounds;
      needLegend.hidden = !view.isCut;
      readyLegend.hidden = view.readyPods.length === 0;
      const now = Math.max(clock.now, view.made);
      const shown = Math.min(now, view.end);
      scale = draw(svg, view, shown, range.window(view, shown, svg.clientWidth < 500), cursor, trial);
      setText(bandLegend.lastChild, view.bandName ? `${view.bandName}` : "");
      bandLegend.hidden = !view.bandName;
      violationLegend.hidden = !scale.hasViolations;
      describe(element, view, newest, now, cursor);
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
    if (event.key === "Escape" && scale && cursor !== null) {
      event.preventDefault();
      point(null);
    }
    if (!(event.key in moves) || !scale) return;
    event.preventDefault();
    point((cursor ?? clock.now) + moves[event.key] * view.step);
  });
  new ResizeObserver(() => card.draw()).observe(svg);
  card.refresh();
  return card;
}

/** A workload without a plan: its state, and the error that prevents a plan. */
function describeAbsence(element, row) {
  showState(element, row, null);
  setText(element.querySelector(".story"), row.problem ? "There is no plan: KEDA receives an error and uses its fallback."
    : "The first plan is being computed.");
}

/** The state as a word, and its problem as one line. */
function showState(element, row, view) {
  const state = stateOf(row), pill = element.querySelector(".pill.state"), alarm = element.querySelector(".alarm");
  pill.hidden = state === "ok";
  setText(pill, state === "dry-run" ? "dry run" : state);
  pill.className = `pill state ${{ "dry-run": "wait", learning: "wait", starting: "wait", bridged: "warn" }[state] ?? "bad"}`;
  const lines = [];
  if (row.required !== null && row.asked !== null && row.required > row.asked) {
    lines.push(`Capped at ${row.asked}: the load needs ${row.required}.`);
  }
  if (view?.snapshot.bridgedUntil) {
    const until = timeText(new Date(view.snapshot.bridgedUntil));
    lines.push(`${capitalised(absence(row))}: the plan is based on the forecast until ${until}.`);
  }
  if (row.problem) {
    const since = row.since ? ` since ${timeText(new Date(row.since))}` : "";
    const rounds = row.failures > 1 ? ` (${row.failures} rounds)` : "";
    lines.push(`Failing${since}${rounds}: ${row.stage ? `${row.stage}: ` : ""}${row.problem}`);
  }
  alarm.hidden = lines.length === 0;
  setText(alarm, lines.join(" "));
}

const capitalised = (text) => text[0].toUpperCase() + text.slice(1);

/** Describes the chart in words and numbers. */
function describe(element, view, row, now, cursor) {
  const { snapshot } = view;
  const part = (selector) => element.querySelector(selector);
  const accuracy = snapshot.accuracy ?? {}, coverage = accuracy.coverage?.["0.9"] ?? null;
  setText(part(".facts"), [
    snapshot.metric, snapshot.model && `model ${snapshot.model}`,
    accuracy.relativeError !== undefined
      && `typically off by ${numberText(accuracy.relativeError * 100)} %, ${durationText(view.judged)} ahead`,
    accuracy.mase !== undefined && `MASE ${numberText(accuracy.mase)}`,
    coverage !== null && `${Math.round(coverage * 100)} % below p90`,
    now - view.made < 2000 ? "planned just now" : `planned ${durationText(now - view.made)} ago`,
  ].filter(Boolean).join(" · "));
  showState(element, row, view);

  const isStale = stateOf(row) === "stale";
  const [load, ahead, needed, asked, most] = element.querySelectorAll("dd");
  const labels = element.querySelectorAll("dt");
  setText(labels[1], `load in ${durationText(view.lead)}`);
  setText(labels[3], row.isDryRun ? "would be requested" : "requested");
  const later = view.forecast(now + view.lead);
  load.classList.toggle("missing", snapshot.currentValue === undefined);
  setText(load, snapshot.currentValue === undefined ? absence(row) : numberText(snapshot.currentValue));
  setText(ahead, later ? numberText(later.value) : "after the plan's end");
  needed.classList.toggle("short", row.required !== null && row.asked !== null && row.required > row.asked);
  setText(needed, pods(view.required(now)));
  setText(asked, row.asked === null || isStale ? "nothing" : pods(row.asked));
  const peakTime = view.timeOf(row.peak, now);
  const when = peakTime !== null && peakTime > now ? `at ${timeText(peakTime)}` : "now";
  if (most.textContent !== `${row.peak} ${when}`) most.replaceChildren(`${row.peak} `, small(when));

  setText(part(".story"), story(view, row, now));
  part("svg.chart").setAttribute(
    "aria-label", `Load, forecast and pods of ${row.workload}. Arrow keys read the values; plus and minus zoom, Shift and arrow keys move, 0 shows the whole range.`);
  setText(part(".readout"), cursor === null ? "" : readout(view, cursor, now));
}

function story(view, row, now) {
  if (stateOf(row) === "stale") {
    return row.isDryRun ? "This dry-run plan is stale." : "This plan is stale: KEDA receives an error and uses its fallback.";
  }
  const trial = row.isDryRun ? "This is a dry run: the plan is not served. " : "";
  const short = view.shortfall(now);
  if (short) {
    const limit = short.planned === view.snapshot.maxReplicas ? `the maximum is ${short.planned}` : `limits allow ${short.planned}`;
    const from = short.at > now ? `From ${timeText(short.at)} the load needs` : "The load needs";
    return `${trial}${from} up to ${pods(short.required)}, and ${limit}.`;
  }
  const requests = row.isDryRun ? "would be requested" : "are requested";
  const rise = view.nextRise(now);
  if (!rise) {
    const fall = Math.min(...view.snapshot.desiredReplicas) < row.asked;
    return trial + (fall ? "No rise is forecast; pods are removed as the load falls." : "No rise is forecast; the current pods are enough for the whole plan.");
  }
  const need = timeText(rise.need);
  if (rise.told === null) {
    return `${trial}The load needs more pods at ${need}: ${pods(rise.replicas)} ${requests} already now, ${durationText(rise.need - now)} before.`;
  }
    if (rise.told <= now) return `${trial}The load needs ${pods(rise.replicas)} at ${need}: they ${requests} now.`;
  return `${trial}The load needs more than ${pods(rise.from)} at ${need}: ${pods(rise.replicas)} ${requests} at ${timeText(rise.told)}, ${durationText(rise.need - rise.told)} before.`;
}

function readout(view, time, now) {
  const words = [momentText(time, now)];
  const forecast = time > now ? view.forecast(time) : null;
  if (forecast) {
    const range = forecast.upper === undefined ? "" : ` (${numberText(forecast.lower ?? forecast.value)} to ${numberText(forecast.upper)})`;
    words.push(`forecast ${numberText(forecast.value)}${range}`);
  } else {
    const sample = view.load.find(([end]) => end >= time);
    if (sample) words.push(sample[1] === null ? "load missing" : `load ${numberText(sample[1])}`);
    const before = view.forecastBefore(time);
    if (before) {
      const bounds = before[3] === null ? "" : ` (${numberText(before[2] ?? before[1])} to ${numberText(before[3])})`;
      words.push(`forecast ${durationText(view.lead)} before ${numberText(before[1])}${bounds}`);
    }
  }
  const asked = view.asked(time);
  if (asked !== null) words.push(`${pods(asked)} requested`);
  const ready = time > now ? null : view.ready(time);
  if (ready !== null) words.push(`${pods(ready)} ready`);
  if (time > now) words.push(`${pods(view.required(time))} required`);
  else words.push(...view.eventsAt(time, view.step / 2).map((event) => event.text));
  return words.join(" · ");
}
