// The past of a chart: the forecasts that were made one lead time before, and the times with too few requested pods.

/** The forecasts from `from` to `to`, in parts without a gap: `[[time, value, lower, upper], …]`. */
export function pastForecasts(view, from, to) {
  const parts = [];
  let last = -Infinity;
  for (const entry of view.forecasts) {
    if (entry[0] < from || entry[0] > to) continue;
    // Old forecasts are kept one an hour.
    if (entry[0] - last > Math.max(view.step * 4, 2.5 * 3600000)) parts.push([]);
    parts.at(-1).push(entry);
    last = entry[0];
  }
  return parts;
}

/** The words for the kinds of events. */
export const eventNames = { capped: "capped", bridged: "bridged", failed: "failing", regime: "new pattern", reload: "settings" };

/** The ready pods from `from` to `to` as stairs, in parts without a gap: `[[time, pods], …]`. */
export function readyParts(view, from, to) {
  const parts = [];
  const end = Math.min(to, view.readyUntil);
  view.readyPods.forEach(([since, count], index) => {
    const until = Math.min(end, view.readyPods[index + 1]?.[0] ?? end);
    if (count === null || until < from || since > end) return;
    const isNew = !index || view.readyPods[index - 1][1] === null || !parts.length;
    if (isNew) parts.push([]);
    parts.at(-1).push([Math.max(since, from), count], [until, count]);
  });
  return parts;
}

/** The times from `from` to `to` in which the load exceeded what the requested pods are meant to serve: `[[begin, end], …]`. */
export function violations(view, from, to) {
  const perPod = view.snapshot.targetPerPod;
  const found = [];
  if (!perPod) return found;
  for (const [end, value] of view.load) {
    if (value === null || end <= from || end - view.loadStep >= to) continue;
    const asked = view.asked(end - view.loadStep / 2);
    if (asked === null || value <= asked * perPod * (1 + 1e-9)) continue;
    const begin = end - view.loadStep;
    if (found.length && found.at(-1)[1] >= begin - 1) found.at(-1)[1] = end;
    else found.push([begin, end]);
  }
  return found;
}

/** At most two points for each of `count` parts, the least and the most of it; null stays a gap. */
export function thinned(points, count) {
  if (points.length <= 2 * count) return points;
  const result = [];
  const size = points.length / count;
  for (let part = 0; part < count; part++) {
    const inside = points.slice(Math.floor(part * size), Math.floor((part + 1) * size));
    const present = inside.filter(([, value]) => value !== null);
    if (!present.length) {
      if (inside.length) result.push([inside[0][0], null]);
      continue;
    }
    const least = present.reduce((one, other) => (other[1] < one[1] ? other : one));
    const most = present.reduce((one, other) => (other[1] > one[1] ? other : one));
    result.push(...(least[0] < most[0] ? [least, most] : least === most ? [least] : [most, least]));
  }
  return result;
}
