// Draws load, forecast and pods on one time axis, as SVG.

const namespace = "http://www.w3.org/2000/svg";
const margin = { left: 46, right: 58, top: 22, bottom: 24 };

const clockTime = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const number = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3, notation: "compact" });
export const timeText = (time) => clockTime.format(time);
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
 * Draws `view` as it stands at `now` into `svg`; `cursor` is a time to point at, or null, `trial` a plan under other settings,
 * or null. Returns the time scale.
 */
export function draw(svg, view, now, cursor, trial) {
  const width = svg.clientWidth, height = svg.clientHeight;
  const { snapshot } = view;
  const future = view.end;
  const past = Math.max(view.begin, now - (view.end - view.made) * (width < 500 ? 0.6 : 1.3));
  const perPod = snapshot.targetPerPod || null;

  const inside = view.load.filter(([time]) => time >= past && time <= now);
  const podTimes = view.changes(past, future);
  // A lead time that ends exactly with a step does not include the next step, so the value just after it is used.
  const asked = podTimes.map((time) => [time, view.asked(time + 1)]).filter(([, replicas]) => replicas !== null);
  const mostPods = Math.max(1, ...asked.map(([, replicas]) => replicas), ...(trial?.replicas ?? []), ...view.requirement);
  const mostLoad = Math.max(
    1e-9, ...inside.map(([, value]) => value ?? 0), ...snapshot.values, ...(view.upper?.values ?? []));
  // In units of load; without a known load per pod, pods have their own scale.
  const pod = perPod ?? mostLoad / mostPods;
  const top = Math.max(mostLoad, mostPods * pod) * 1.08;

  const right = width - margin.right, bottom = height - margin.bottom;
  const x = (time) => margin.left + ((time - past) / (future - past)) * (right - margin.left);
  const y = (value) => bottom - (value / top) * (bottom - margin.top);

  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();

  const lead = trial ? trial.leadSeconds * 1000 : view.lead;
  const leadEnd = Math.min(now + lead, future);
  element(svg, "rect", {
    class: "lead-zone", x: x(now), y: margin.top, width: Math.max(0, x(leadEnd) - x(now)), height: bottom - margin.top,
  });

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
  for (let time = Math.ceil(past / every) * every; time <= future; time += every) {
    element(svg, "text", { x: x(time), y: height - 6, "text-anchor": "middle" }, timeText(time));
  }

  const steps = [];
  asked.forEach(([time, replicas], index) => {
    if (index) steps.push([x(time), y(asked[index - 1][1] * pod)]);
    steps.push([x(time), y(replicas * pod)]);
  });
  if (steps.length) {
    const area = line([...steps, [steps.at(-1)[0], bottom], [steps[0][0], bottom]]);
    element(svg, "path", { class: "pods-area", d: area + "Z" });
  }
  const stairs = (replicas) => replicas.flatMap((count, index) => [index, index + 1].map(
    (border) => [x(Math.max(now, view.made + border * view.step)), y(count * pod)]));
  if (view.hasBounds) {
    // A maximum far above all other values would compress the chart: it is drawn only if it is within the range.
    for (const [bound, text, below] of [[snapshot.minReplicas, "min", 13], [snapshot.maxReplicas, "max", -4]]) {
      if (bound <= 0 || bound * pod > top) continue;
      element(svg, "line", { class: "bound-line", x1: margin.left, x2: right, y1: y(bound * pod), y2: y(bound * pod) });
      element(svg, "text", { class: "bound halo", x: margin.left + 5, y: y(bound * pod) + below }, `${text} ${bound}`);
    }
  }
  if (view.isCut) element(svg, "path", { class: "need-line", d: line(stairs(view.requirement)) });
  element(svg, "path", { class: "plan-line", d: line(stairs(snapshot.desiredReplicas)) });
  element(svg, "path", { class: "pods-line", d: line(steps) });
  if (trial) element(svg, "path", { class: "trial-line", d: line(stairs(trial.replicas)) });

  const joint = view.lastLoad && view.lastLoad[0] <= now ? [[x(view.lastLoad[0]), y(view.lastLoad[1])]] : [];
  const path = (values) => values.map((value, index) => [x(view.made + (index + 1) * view.step), y(value)]);
  if (view.upper) {
    const low = [...joint, ...path(view.lower?.values ?? snapshot.values)].reverse();
    element(svg, "path", { class: "band", d: line([...joint, ...path(view.upper.values), ...low]) + "Z" });
  }
  element(svg, "path", { class: "forecast-line", d: line([...joint, ...path(snapshot.values)]) });
  let run = [];
  for (const [time, value] of [...inside, [now, null]]) {
    if (value !== null) {
      run.push([x(time), y(value)]);
    } else {
      if (run.length) element(svg, "path", { class: "load-line", d: line(run) });
      run = [];
    }
  }
  const rise = view.middleOfRise(now);
  if (rise && !trial) {
    const level = y(rise.replicas * pod), from = x(rise.asked), to = x(rise.need);
    element(svg, "path", { class: "gap-line", d: `M${from} ${level}H${to}M${from} ${level - 4}v8M${to} ${level - 4}v8` });
    if (from - x(now) > 45) {
      const ahead = durationText(rise.need - rise.asked);
      element(svg, "text", { class: "strong halo", x: from - 7, y: level + 4, "text-anchor": "end" }, ahead);
    }
  }
  if (joint.length) element(svg, "circle", { class: "dot", cx: joint[0][0], cy: joint[0][1], r: 4.5 });
  element(svg, "circle", { class: "pods-dot", cx: x(now), cy: y(view.asked(now) * pod), r: 4.5 });

  element(svg, "line", { class: "now-line", x1: x(now), x2: x(now), y1: margin.top - 4, y2: bottom });
  element(svg, "line", { class: "lead-line", x1: x(leadEnd), x2: x(leadEnd), y1: margin.top - 4, y2: bottom });
  element(svg, "text", { class: "strong", x: x(now) - 5, y: 12, "text-anchor": "end" }, "now");
  element(svg, "text", { x: x(now) + 5, y: 12 }, `lead time ${durationText(lead)}${right - x(now) > 400 ? ": pods are requested this long before the load" : ""}`);
  if (cursor !== null) {
    element(svg, "line", { class: "cursor", x1: x(cursor), x2: x(cursor), y1: margin.top, y2: bottom });
  }
  return { past, future, timeAt: (pixel) => past + ((pixel - margin.left) / (right - margin.left)) * (future - past) };
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
