// A workload's card: figures, the story in words, and the chart.

import { draw, durationText, numberText, timeText } from "./chart.js";
import { clock, get } from "./feed.js";
import { workloadView } from "./plan.js";

const legend = [
  ["load-line", "measured load", "M1 9L8 4L15 7L23 3"],
  ["forecast-line", "forecast", "M1 6L23 6"],
  ["band", "its likely range", "M1 1H23V11H1Z"],
  ["pods-line", "pods KEDA is asked for", "M1 10H10V3H23"],
  ["plan-line", "pods the load needs", "M1 10H14V3H23"],
];

const small = (text) => Object.assign(document.createElement("small"), { textContent: text });
const pods = (count) => `${count} pod${count === 1 ? "" : "s"}`;

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Makes the card of a workload; `row` gives its newest row, `leadSeconds` the host's lead time. */
export function newCard(name, row, leadSeconds) {
  const element = document.createElement("article");
  element.className = "card";
  element.dataset.workload = name;
  element.innerHTML = `
    <div class="head">
      <div>
        <div class="title"><h2><a></a></h2><span class="pill bad" hidden>stale</span><span class="pill wait" hidden>dry run</span></div>
        <p class="facts quiet"></p>
        <p class="story"></p>
      </div>
      <dl class="figures">
        <div class="load"><dt>load now</dt><dd></dd></div>
        <div class="load"><dt></dt><dd></dd></div>
        <div class="pods"><dt>needed now</dt><dd></dd></div>
        <div class="pods"><dt>KEDA is asked for</dt><dd></dd></div>
        <div class="pods"><dt>most ahead</dt><dd></dd></div>
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
  const trialLegend = addLegend("trial-line", "with your settings", "M1 10H6V4H23");
  trialLegend.hidden = true;

  const svg = element.querySelector("svg.chart");
  let view = null, scale = null, cursor = null, fetching = false, fetched = null, trial = null;

  const card = {
    element,
    /** Called after each new plan. */
    onPlan: () => {},
    get snapshot() { return view?.snapshot; },
    async refresh() {
      const newest = row();
      if (!newest || fetching || fetched === newest.generatedAt) return;
      fetching = true;
      try {
        const [snapshot, past] = await Promise.all([
          get(`forecast/current?workload=${name}`), get(`history?workload=${name}&points=360`),
        ]);
        if (snapshot) {
          fetched = newest.generatedAt;
          view = workloadView(snapshot, past, leadSeconds());
          card.draw();
          card.onPlan();
        }
      } catch {
        // The next event tries again.
      } finally {
        fetching = false;
      }
    },
    /** Shows a plan under other settings beside the real one: `{ replicas, leadSeconds }`, or null. */
    try(plan) {
      trial = plan;
      trialLegend.hidden = plan === null;
      card.draw();
    },
    draw() {
      const newest = row();
      // Without a place on the page there is nothing to draw in.
      if (!view || !newest || !svg.clientHeight) return;
      const now = Math.max(clock.now, view.made);
      scale = draw(svg, view, Math.min(now, view.end), cursor, trial);
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

/** Writes what the chart shows in words and figures. */
function describe(element, view, row, now, cursor) {
  const { snapshot } = view;
  const part = (selector) => element.querySelector(selector);
  const accuracy = snapshot.accuracy?.mase ?? null, coverage = snapshot.accuracy?.coverage?.["0.9"] ?? null;
  setText(part(".facts"), [
    snapshot.metric, snapshot.model && `model ${snapshot.model}`, accuracy !== null && `error ${numberText(accuracy)} MASE`,
    coverage !== null && `${Math.round(coverage * 100)} % below p90`,
    now - view.made < 2000 ? "planned just now" : `planned ${durationText(now - view.made)} ago`,
  ].filter(Boolean).join(" · "));

  part(".pill.bad").hidden = !row.isStale;
  part(".pill.wait").hidden = !row.isDryRun;

  const [load, ahead, needed, asked, most] = element.querySelectorAll("dd");
  setText(element.querySelectorAll("dt")[1], `load in ${durationText(view.lead)}`);
  const later = view.forecast(now + view.lead);
  setText(load, snapshot.currentValue === undefined ? "unknown" : numberText(snapshot.currentValue));
  setText(ahead, later ? numberText(later.value) : "beyond the plan");
  setText(needed, pods(row.planned));
  setText(asked, row.asked === null ? "nothing" : pods(row.asked));
  const peakTime = view.timeOf(row.peak, now);
  const when = peakTime !== null && peakTime > now ? `at ${timeText(peakTime)}` : "now";
  if (most.textContent !== `${row.peak} ${when}`) most.replaceChildren(`${row.peak} `, small(when));

  setText(part(".story"), story(view, row, now));
  part("svg.chart").setAttribute(
    "aria-label", `Load, forecast and pods of ${row.workload}. Arrow keys read the values.`);
  setText(part(".readout"), cursor === null ? "" : readout(view, cursor, now));
}

function story(view, row, now) {
  if (row.isStale) return "This plan is too old to act on: KEDA gets no answer and uses its fallback.";
  if (row.isDryRun) return "A dry run: the plan is only to be looked at, KEDA is not served from it.";
  const rise = view.nextRise(now);
  if (!rise) {
    const fall = Math.min(...view.snapshot.desiredReplicas) < row.asked;
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
