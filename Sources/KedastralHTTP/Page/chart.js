// Draws load, forecast and pods on one time axis, as SVG.

import { eventNames, pastForecasts, readyParts, thinned, violations } from "./past.js";

const namespace = "http://www.w3.org/2000/svg";
const margin = { left: 46, right: 58, top: 22, bottom: 24 };

const clockTime = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const number = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3, notation: "compact" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric" });
const zone = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" });
export const timeText = (time) => clockTime.format(time);
/** A time, with its day when that is not the day of `now`. */
export const momentText = (time, now) => (day.format(time) === day.format(now) ? timeText(time) : `${day.format(time)} ${timeText(time)}`);
const zoneText = (time) => zone.formatToParts(time).find((part) => part.type === "timeZoneName")?.value ?? "";
export const numberText = (value) => number.format(value);

/** A round distance that divides `range` into about `parts`. */
function roundStep(range, parts) {
  const raw = range / parts;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw);
}

function timeStep(range, parts) {
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080];
  return 60000 * (minutes.find((step) => step * 60000 >= range / parts) ?? 20160);
}

function element(parent, name, attributes, text) {
  const made = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

const line = (points) => points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/**
 * Draws `view` as it stands at `now` into `svg`, from `past` to `future`; `cursor` is a time to point at, or null, `trial` a plan
 * under other settings, or null. Returns the time scale.
 */
export function draw(svg, view, now, [past, future], cursor, trial) {
  const width = svg.clientWidth, height = svg.clientHeight;
  const { snapshot } = view;
  const perPod = snapshot.targetPerPod || null;

  // One sample beyond each edge, so that lines reach it.
  const inside = thinned(
    view.load.filter(([time]) => time >= past - view.loadStep && time <= Math.min(now, future + view.loadStep)), width);
  const before = pastForecasts(view, past - view.step, Math.min(now, future + view.step));
  const ready = readyParts(view, past, future);
  const podTimes = view.changes(past, future);
  // A lead time that ends exactly with a step does not include the next step, so the value just after it is used.
  const asked = podTimes.map((time) => [time, view.asked(time + 1)]).filter(([, replicas]) => replicas !== null);
  const ahead = (values) => (values ?? []).filter(
    (_, index) => view.made + (index + 1) * view.step > past && view.made + index * view.step < future);
  const mostPods = Math.max(
    1, ...asked.map(([, replicas]) => replicas), ...ready.flat().map(([, count]) => count), ...ahead(trial?.replicas), ...ahead(view.requirement));
  const mostLoad = Math.max(
    1e-9, ...inside.map(([, value]) => value ?? 0), ...ahead(snapshot.values), ...ahead(view.upper?.values),
    ...before.flat().map(([, value, , upper]) => upper ?? value));
  // In units of load; without a known load per pod, pods have their own scale.
  const pod = perPod ?? mostLoad / mostPods;
  const top = Math.max(mostLoad, mostPods * pod) * 1.08;

  const right = width - margin.right, bottom = height - margin.bottom;
  const x = (time) => margin.left + ((time - past) / (future - past)) * (right - margin.left);
  const y = (value) => bottom - (value / top) * (bottom - margin.top);

  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();

  const lead = trial ? trial.leadSeconds * 1000 : view.lead;
  const leadEnd = Math.min(now + lead, view.end);
  // What is drawn into it ends at its edges.
  const newPlot = () => element(svg, "svg", {
    x: margin.left, y: 0, width: right - margin.left, height, viewBox: `${margin.left} 0 ${right - margin.left} ${height}`,
  });
  const ground = newPlot();
  element(ground, "rect", {
    class: "lead-zone", x: x(now), y: margin.top, width: Math.max(0, x(leadEnd) - x(now)), height: bottom - margin.top,
  });
  const short = violations(view, past, Math.min(now, future));
  for (const [begin, end] of short) {
    element(ground, "rect", {
      class: "violation", x: x(begin), y: margin.top, width: Math.max(1.5, x(end) - x(begin)), height: bottom - margin.top,
    });
  }

  const parts = Math.max(2, Math.round((bottom - margin.top) / 52));
  const loadStep = roundStep(top, parts);
  for (let value = 0; value <= top; value += loadStep) {
    element(svg, "line", { class: value ? "grid" : "axis", x1: margin.left, x2: right, y1: y(value), y2: y(value) });
    element(svg, "text", { x: margin.left - 7, y: y(value) + 4, "text-anchor": "end" }, numberText(value));
  }
  const podStep = Math.max(1, roundStep(top / pod, parts));
  for (let pods = podStep; pods * pod <= top; pods += podStep) {
    element(svg, "text", { class: "pods-tick", x: right + 7, y: y(pods * pod) + 4 }, `${pods} pod${pods > 1 ? "s" : ""}`);
  }
  const every = timeStep(future - past, width < 500 ? 4 : 9);
  // Ticks are at whole hours and days of the reader's time zone.
  const offset = new Date(past).getTimezoneOffset() * 60000;
  for (let time = Math.ceil((past - offset) / every) * every + offset; time <= future; time += every) {
    const isMidnight = every >= 3600000 && future - past > 20 * 3600000 && timeText(time) === "00:00";
    element(svg, "text", { x: x(time), y: height - 6, "text-anchor": "middle" }, isMidnight ? day.format(time) : timeText(time));
  }
  element(svg, "text", { class: "zone", x: width - 2, y: height - 6, "text-anchor": "end" }, zoneText(now));
  const isNowShown = now >= past && now <= future;
  const room = Math.floor(((isNowShown ? x(now) - 40 : right - 10) - 2) / 6.3);
  const unit = snapshot.metric ?? "";
  if (room > 3) {
    element(svg, "text", { class: "unit", x: 2, y: 12 }, unit.length > room ? `${unit.slice(0, room - 1)}…` : unit);
  }

  // Events are marks on the time axis, each with a word where there is room.
  const axis = newPlot();
  let free = -Infinity;
  for (const event of view.events) {
    const end = Math.min(event.to ?? now, now);
    if (end < past || event.from > future) continue;
    const from = x(Math.max(event.from, past));
    const mark = element(axis, "rect", {
      class: `event ${event.kind}`, x: from, y: bottom - 3, width: Math.max(3, x(end) - from), height: 6,
    });
    element(mark, "title", {}, `${timeText(event.from)} ${event.text}`);
    const word = eventNames[event.kind] ?? event.kind, length = word.length * 6.2 + 8;
    if (from < free || from + length > right) continue;
    element(axis, "text", { class: `event-word halo ${event.kind}`, x: from, y: bottom - 7 }, word);
    free = from + length;
  }

  const plot = newPlot();
  const steps = [];
  asked.forEach(([time, replicas], index) => {
    if (index) steps.push([x(time), y(asked[index - 1][1] * pod)]);
    steps.push([x(time), y(replicas * pod)]);
  });
  if (steps.length) {
    const area = line([...steps, [steps.at(-1)[0], bottom], [steps[0][0], bottom]]);
    element(plot, "path", { class: "pods-area", d: area + "Z" });
  }
  const stairs = (replicas) => replicas.flatMap((count, index) => [index, index + 1].map(
    (border) => [x(Math.max(now, view.made + border * view.step)), y(count * pod)]));
  if (view.hasBounds) {
    // A maximum far above all other values would compress the chart: it is drawn only if it is within the range.
    for (const [bound, text, below] of [[snapshot.minReplicas, "min", 13], [snapshot.maxReplicas, "max", -4]]) {
      if (bound <= 0 || bound * pod > top) continue;
      element(plot, "line", { class: "bound-line", x1: margin.left, x2: right, y1: y(bound * pod), y2: y(bound * pod) });
      element(plot, "text", { class: "bound halo", x: margin.left + 5, y: y(bound * pod) + below }, `${text} ${bound}`);
    }
  }
  if (view.isCut) element(plot, "path", { class: "need-line", d: line(stairs(view.requirement)) });
  element(plot, "path", { class: "plan-line", d: line(stairs(snapshot.desiredReplicas)) });
  element(plot, "path", { class: "pods-line", d: line(steps) });
  for (const part of ready) {
    element(plot, "path", { class: "ready-line", d: line(part.map(([time, count]) => [x(time), y(count * pod)])) });
  }
  if (trial) element(plot, "path", { class: "trial-line", d: line(stairs(trial.replicas)) });

  const joint = view.lastLoad && view.lastLoad[0] <= now ? [[x(view.lastLoad[0]), y(view.lastLoad[1])]] : [];
  const path = (values) => values.map((value, index) => [x(view.made + (index + 1) * view.step), y(value)]);
  if (view.upper) {
    const low = [...joint, ...path(view.lower?.values ?? snapshot.values)].reverse();
    element(plot, "path", { class: "band", d: line([...joint, ...path(view.upper.values), ...low]) + "Z" });
  }
  for (const part of before) {
    if (part.some(([, , , upper]) => upper !== null)) {
      const edge = (place) => part.map((entry) => [x(entry[0]), y(entry[place] ?? entry[1])]);
      element(plot, "path", { class: "past-band", d: line([...edge(3), ...edge(2).reverse()]) + "Z" });
    }
  }
  element(plot, "path", { class: "forecast-line", d: line([...joint, ...path(snapshot.values)]) });
  let run = [];
  for (const [time, value] of [...inside, [now, null]]) {
    if (value !== null) {
      run.push([x(time), y(value)]);
    } else {
      if (run.length) element(plot, "path", { class: "load-line", d: line(run) });
      run = [];
    }
  }
  for (const part of before) {
    element(plot, "path", { class: "past-forecast", d: line(part.map(([time, value]) => [x(time), y(value)])) });
  }
  const rise = view.middleOfRise(now);
  if (rise && !trial) {
    const level = y(rise.replicas * pod), from = x(rise.asked), to = x(rise.need);
    element(plot, "path", { class: "gap-line", d: `M${from} ${level}H${to}M${from} ${level - 4}v8M${to} ${level - 4}v8` });
    if (from - x(now) > 45) {
      const ahead = durationText(rise.need - rise.asked);
      element(plot, "text", { class: "strong halo", x: from - 7, y: level + 4, "text-anchor": "end" }, ahead);
    }
  }
  if (joint.length) element(plot, "circle", { class: "dot", cx: joint[0][0], cy: joint[0][1], r: 4.5 });
  element(plot, "circle", { class: "pods-dot", cx: x(now), cy: y(view.asked(now) * pod), r: 4.5 });

  if (isNowShown) {
    element(plot, "line", { class: "now-line", x1: x(now), x2: x(now), y1: margin.top - 4, y2: bottom });
    element(plot, "line", { class: "lead-line", x1: x(leadEnd), x2: x(leadEnd), y1: margin.top - 4, y2: bottom });
    element(svg, "text", { class: "strong", x: x(now) - 5, y: 12, "text-anchor": "end" }, "now");
    if (right - x(now) > 60) {
      element(svg, "text", { x: x(now) + 5, y: 12 }, `lead time ${durationText(lead)}${right - x(now) > 400 ? ": pods are requested this long before the load" : ""}`);
    }
  }
  if (cursor !== null) {
    element(svg, "line", { class: "cursor", x1: x(cursor), x2: x(cursor), y1: margin.top, y2: bottom });
  }
  return {
    past, future, first: view.begin, last: view.end, step: view.step, width: right - margin.left, hasViolations: short.length > 0,
    timeAt: (pixel) => past + ((pixel - margin.left) / (right - margin.left)) * (future - past),
  };
}

/** Draws a forecast's course, numbers from 0 to 100, into `svg`, which is 120 by 26. */
export function sparkline(svg, values) {
  const [width, height] = [120, 26];
  const points = values.map((value, index) => [(index / Math.max(1, values.length - 1)) * width, height - 1 - (value / 100) * (height - 3)]);
  const course = line(points);
  if (svg.lastChild?.getAttribute("d") === course) return;
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  element(svg, "path", { class: "sparkline-area", d: `${line([[0, height], ...points, [width, height]])}Z` });
  element(svg, "path", { class: "sparkline", d: course });
}

/** "45 s", "5 min", "1 h 30 min". */
export function durationText(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
}
