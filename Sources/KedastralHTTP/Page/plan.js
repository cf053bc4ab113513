// A workload's forecast, plan and history, as functions of time. Times are milliseconds since 1970.

const percent = (level) => Math.round(level * 1000) / 10;

/** Combines a snapshot and a history document for the card and the chart. */
export function workloadView(snapshot, history, leadSeconds) {
  const step = snapshot.stepSeconds * 1000;
  const made = Date.parse(snapshot.generatedAt);
  const lead = (snapshot.leadTime?.seconds ?? leadSeconds) * 1000;
  const plan = snapshot.desiredReplicas;
  const count = plan.length;
  /** The required replicas of each step, before any limit; the plan itself if the host does not send them. */
  const required = snapshot.requiredReplicas ?? plan;
  const clamp = (index) => Math.min(Math.max(index, 0), count - 1);
  const stepAt = (time) => clamp(Math.floor((time - made) / step));

  /** The replicas that KEDA receives at a time: the plan's maximum from then until the lead time later. */
  const askedByPlan = (time) => {
    const first = stepAt(time);
    const last = Math.max(first, clamp(Math.ceil((time + lead - made) / step) - 1));
    return Math.max(...plan.slice(first, last + 1));
  };

  const load = [];
  if (history?.start) {
    const start = Date.parse(history.start);
    history.values.forEach((value, index) => load.push([start + index * history.stepSeconds * 1000, value]));
  }
  const trail = (history?.replicas ?? []).filter(([time]) => time < made);
  const forecasts = history?.forecasts ?? [];
  const events = history?.events ?? [];
  const readyPods = history?.readyPods ?? [], readyUntil = history?.readyPodsUntil ?? 0;
  const paths = Object.entries(snapshot.quantiles ?? {})
    .map(([level, values]) => ({ level: Number(level), values }))
    .sort((one, other) => one.level - other.level);
  const lower = paths.length && paths[0].level < 0.5 ? paths[0] : null;
  const upper = paths.length && paths.at(-1).level > 0.5 ? paths.at(-1) : null;

  return {
    snapshot, step, made, lead, load, trail, forecasts, events, readyPods, readyUntil, lower, upper, requirement: required,
    loadStep: (history?.stepSeconds ?? snapshot.stepSeconds) * 1000,
    /** The name of the forecast's range: `p10–p90`. */
    bandName: upper && `${lower ? `p${percent(lower.level)}–` : "up to "}p${percent(upper.level)}`,
    /** How far ahead the error of forecasts is judged: five minutes, or a step where steps are longer. */
    judged: step * Math.max(1, Math.floor(300000 / step)),
    hasBounds: snapshot.minReplicas !== undefined && snapshot.maxReplicas !== undefined,
    isCut: required.some((replicas, index) => replicas > plan[index]),
    end: made + count * step,
    begin: Math.min(made, load[0]?.[0] ?? made, trail[0]?.[0] ?? made, forecasts[0]?.[0] ?? made),
    lastLoad: load.findLast(([, value]) => value !== null),
    needed: (time) => plan[stepAt(time)],
    required: (time) => required[stepAt(time)],
    /** The time from which limits keep the plan below the required replicas: `{ at, planned, required }`, or null. */
    shortfall(now) {
      const first = stepAt(now), asked = askedByPlan(now);
      const planned = Math.max(asked, ...plan.slice(first)), most = Math.max(...required.slice(first));
      if (most <= planned) return null;
      const index = required.findIndex((replicas, place) => place >= first && replicas > planned);
      return { at: Math.max(now, made + index * step), planned, required: most };
    },
    /** The first time from `now` on at which this number of replicas is planned, or null. */
    timeOf(replicas, now) {
      const index = plan.indexOf(replicas, stepAt(now));
      return index < 0 ? null : made + index * step;
    },
    asked(time) {
      if (time >= made) return askedByPlan(time);
      return trail.findLast(([since]) => since <= time)?.[1] ?? null;
    },
    /** What happened to the plans at a time, give or take `slack`. */
    eventsAt: (time, slack) => events.filter(({ from, to }) => from <= time + slack && (to ?? Infinity) >= time - slack),
    /** The pods that were ready at a time, or null where that is unknown. */
    ready: (time) => (time > readyUntil + step ? null : readyPods.findLast(([since]) => since <= time)?.[1] ?? null),
    /** The times from `from` to `to` at which the requested replicas can change. */
    changes(from, to) {
      const times = [from, to, ...trail.map(([time]) => time)];
      for (let index = 0; index <= count; index++) times.push(made + index * step, made + index * step - lead);
      return times.filter((time) => time >= from && time <= to)
        .sort((one, other) => one - other);
    },
    /** The forecast at a time: `{ value, lower, upper }`, or null outside of it. */
    forecast(time) {
      if (time <= made || time > made + count * step) return null;
      const index = clamp(Math.ceil((time - made) / step) - 1);
      return { value: snapshot.values[index], lower: lower?.values[index], upper: upper?.values[index] };
    },
    /** What was forecast for a past time one lead time before: `[time, value, lower, upper]`, or undefined. */
    forecastBefore: (time) => forecasts.find(([end]) => end >= time && end - step <= time),
    /** The middle of the largest rise ahead: when that number of pods is requested and when it is required, or null. */
    middleOfRise(now) {
      const ahead = plan.slice(stepAt(now));
      const goal = Math.ceil((ahead[0] + Math.max(...ahead)) / 2);
      if (goal <= ahead[0]) return null;
      const need = made + (stepAt(now) + ahead.findIndex((replicas) => replicas >= goal)) * step;
      const asked = this.changes(now, need).find((time) => askedByPlan(time + 1) >= goal);
      return asked === undefined || asked <= now || need <= asked ? null : { asked, need, replicas: goal };
    },
    /** The next rise of the requested replicas: when KEDA receives it, when the load requires it, and how many. */
    nextRise(now) {
      const current = askedByPlan(now);
      const waiting = plan[stepAt(now)] < current;
      const from = waiting ? plan[stepAt(now)] : current;
      for (let index = stepAt(now) + 1; index < count; index++) {
        if (plan[index] <= from) continue;
        const need = made + index * step;
        if (waiting) return { told: null, need, replicas: current };
        return { told: Math.max(now, need - lead), need, replicas: askedByPlan(need - lead + 1), from };
      }
      return null;
    },
  };
}
