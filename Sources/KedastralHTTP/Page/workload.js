// The sections of a workload's page below its card: explanation, what if, and the configuration to copy.

import { durationText, momentText, numberText, timeText } from "./chart.js";
import { clock, get } from "./feed.js";
import { eventNames } from "./past.js";

const limits = {
  minimum: "raised to the minimum", maximum: "reduced to the maximum", growth: "reduced by the growth limit",
  shrinkage: "kept up by the shrinkage limit", reactiveFloor: "planned for the current load, which is above the forecast",
  scheduledMinimum: "raised to a schedule's minimum", scheduledMaximum: "reduced to a schedule's maximum",
  prewarm: "planned for a higher load of the following steps",
  accuracyGate: "the recent forecast error is too large: planned for the current load",
};
const pods = (count) => `${count} pod${count === 1 ? "" : "s"}`;
const make = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

/**
 * Makes the sections of a workload; `card` is its card, `leadSeconds` gives the host's lead time, `offers` the paths that
 * the host answers.
 */
export function newSections(name, card, leadSeconds, offers) {
  const element = document.createElement("div");
  element.className = "sections";
  element.innerHTML = `
    <section class="panel worth" hidden aria-labelledby="worth-title"><h3 id="worth-title">Compared with an HPA</h3>
      <p class="verdict"></p><ul class="tiles"></ul><p class="quiet"></p></section>
    <section class="panel why" hidden aria-labelledby="why-title"><h3 id="why-title">Reasons for this number of pods</h3>
      <ol class="chain"></ol><ul class="limits"></ul><p class="quiet"></p></section>
    <section class="panel events" hidden aria-labelledby="events-title"><h3 id="events-title">Events</h3><ol></ol></section>
    <section class="panel whatif" hidden aria-labelledby="whatif-title"><h3 id="whatif-title">What if</h3>
      <form>
        <label for="target">target per pod</label><input id="target" type="range"><output for="target"></output>
        <div class="choice" role="radiogroup" aria-label="Margin">
          <label><input type="radio" name="margin" value="headroom">headroom</label>
          <label><input type="radio" name="margin" value="quantile">quantile</label>
          <label><input type="radio" name="margin" value="shortageCost">shortage cost</label>
          <label><input type="radio" name="margin" value="objective">objective</label></div>
        <input id="headroom" type="range" min="1" max="3" step="0.05" aria-label="headroom"><output for="headroom"></output>
        <input id="quantile" type="range" min="0" step="1" aria-label="quantile"><output for="quantile"></output>
        <input id="cost" type="range" min="0" step="1" aria-label="shortage cost" aria-describedby="cost-note"><output for="cost"></output>
        <input id="objective" type="range" min="0" step="1" aria-label="objective" aria-describedby="objective-note"><output for="objective"></output>
        <small id="objective-note" class="quiet">The share of the minutes in which the pods should suffice. In force, the margin for it is
          learned; this preview uses the forecast's own quantiles.</small>
        <small id="cost-note" class="quiet">The cost of a minute with too few pods, in pod-minutes: the plan has the number of pods with the
          least expected cost, independent of headroom and quantile.</small>
        <label for="lead">lead time</label><input id="lead" type="range" min="0"><output for="lead"></output>
      </form>
      <p class="outcome" role="status"></p>
      <button type="button" class="reset" disabled>Back to the settings in force</button></section>
    <section class="panel texts" hidden aria-labelledby="texts-title">
      <div class="texts-head"><h3 id="texts-title">Configuration</h3>
        <div class="tabs" role="tablist" aria-label="Configuration">
          <button type="button" role="tab" id="tab-file" aria-controls="text">kedastral.yaml</button>
          <button type="button" role="tab" id="tab-object" aria-controls="text">ScaledObject</button></div>
        <div class="trigger" hidden>
          <label>mode <select id="mode"><option>replicas</option><option>load</option></select></label>
          <label>select <select id="select"><option>max</option><option>at-lead</option></select></label></div>
        <p class="quiet tuned"></p>
        <button type="button" class="copy">Copy</button></div>
      <pre id="text" role="tabpanel" tabindex="0"></pre></section>`;
  const part = (selector) => element.querySelector(selector);
  const [target, headroom, quantile, cost, objective, lead] =
    ["target", "headroom", "quantile", "cost", "objective", "lead"].map((id) => part(`#${id}`));
  const radios = [...element.querySelectorAll("[name=margin]")];
  const margins = { headroom, quantile, shortageCost: cost, objective };
  let levels = [], costs = [], shares = [], inForce = null, trying = false;

  // Why

  async function explain() {
    if (!offers().includes("explain")) return null;
    const why = await get(`explain?workload=${name}`).catch(() => null);
    part(".why").hidden = why === null;
    if (why) showChain(part(".why"), why);
    return why;
  }

  // Worth: the scorecard, at most once a minute.

  let scored = -Infinity;
  async function showWorth() {
    if (!offers().includes("scorecard") || performance.now() - scored < 60_000) return;
    scored = performance.now();
    const scorecard = await get(`scorecard?workload=${name}`).catch(() => null);
    const isMeasured = scorecard?.windows.some((window) => window.measuredMinutes > 0) ?? false;
    part(".worth").hidden = !isMeasured;
    if (isMeasured) showTiles(part(".worth"), scorecard);
  }

  /** The newest events first. */
  function showEvents() {
    const newest = card.events.slice(-8).reverse();
    part(".events").hidden = newest.length === 0;
    const span = ({ from, to }) => {
      const begin = momentText(from, clock.now);
      return to === null ? `since ${begin}` : to - from < 1000 ? begin : `${begin}, ${durationText(to - from)}`;
    };
    part(".events ol").replaceChildren(...newest.map((event) => make("li", {},
      make("span", { className: "quiet", textContent: span(event) }),
      make("b", { textContent: eventNames[event.kind] ?? event.kind }), make("span", { textContent: event.text }))));
  }

  // What if: the sliders, whose values change the settings in force.

  const settings = () => ({
    targetPerPod: Number(target.value), margin: radios.find((radio) => radio.checked)?.value,
    headroom: Number(headroom.value), quantile: levels[quantile.value] ?? 0, shortageCost: costs[cost.value],
    objective: shares[objective.value], leadSeconds: Number(lead.value),
  });

  function setUp(why) {
    const { snapshot } = card;
    levels = Object.keys(snapshot.quantiles ?? {}).map(Number).filter((level) => level >= 0.5).sort();
    quantile.max = Math.max(0, levels.length - 1);
    radios[1].disabled = levels.length === 0;
    costs = [...new Set([3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 3000, why.shortageCost ?? 10])]
      .sort((one, other) => one - other);
    cost.max = costs.length - 1;
    shares = [...new Set([0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, why.objective ?? 0.999])].sort();
    objective.max = shares.length - 1;
    // A shortage cost and an objective require at least three quantiles.
    const isFine = Object.keys(snapshot.quantiles ?? {}).length >= 3;
    radios[2].disabled = !why.shortageCost && !isFine;
    radios[3].disabled = !why.objective && !isFine;
    const target0 = snapshot.targetPerPod ?? 1;
    const digit = 10 ** Math.floor(Math.log10(target0) - 1);
    Object.assign(target, { min: digit, max: target0 * 3, step: digit });
    Object.assign(lead, { max: snapshot.stepSeconds * snapshot.values.length, step: Math.min(60, snapshot.stepSeconds) });
    inForce = {
      targetPerPod: target0, margin: ["objective", "quantile", "shortageCost"].find((margin) => why[margin]) ?? "headroom",
      headroom: why.headroom ?? 1.2, quantile: why.quantile ?? levels.at(-1) ?? 0,
      // A few times the current number of pods is a useful initial cost.
      shortageCost: why.shortageCost ?? costs.find((price) => price >= 5 * why.replicas) ?? costs.at(-1),
      objective: why.objective ?? 0.999, leadSeconds: why.leadTimeSeconds ?? leadSeconds(),
    };
  }

  function setSliders(values) {
    target.value = values.targetPerPod;
    headroom.value = values.headroom;
    const level = levels.indexOf(values.quantile);
    quantile.value = level < 0 ? levels.length - 1 : level;
    cost.value = costs.indexOf(values.shortageCost);
    objective.value = shares.indexOf(values.objective);
    lead.value = values.leadSeconds;
    for (const radio of radios) radio.checked = radio.value === values.margin;
    label();
  }

  function label() {
    const now = settings();
    for (const [margin, slider] of Object.entries(margins)) {
      slider.hidden = part(`output[for=${slider.id}]`).hidden = margin !== now.margin;
    }
    part("#cost-note").hidden = cost.hidden;
    part("#objective-note").hidden = objective.hidden;
    const say = (slider, text) => {
      part(`output[for=${slider.id}]`).textContent = text;
      slider.setAttribute("aria-valuetext", text);
    };
    say(target, numberText(now.targetPerPod));
    say(headroom, `× ${now.headroom.toFixed(2)}`);
    say(quantile, levels.length ? `p${Math.round(now.quantile * 1000) / 10}` : "none");
    say(cost, numberText(now.shortageCost));
    say(objective, shareText(now.objective));
    say(lead, durationText(now.leadSeconds * 1000));
  }

  /** The parameters that differ from the settings in force. */
  function changes() {
    const now = settings(), parameters = new URLSearchParams();
    if (now.targetPerPod !== inForce.targetPerPod) parameters.set("targetPerPod", now.targetPerPod);
    if (now.margin !== inForce.margin || now[now.margin] !== inForce[now.margin]) parameters.set(now.margin, now[now.margin]);
    if (now.leadSeconds !== inForce.leadSeconds) parameters.set("leadTime", `${now.leadSeconds}s`);
    return parameters;
  }

  let generation = 0;
  async function ask() {
    const changed = changes(), mine = ++generation;
    trying = changed.size > 0;
    part(".reset").disabled = !trying;
    showText();
    if (!trying) {
      card.try(null);
      part(".outcome").textContent = "Move a slider to see the plan under other settings with the same forecast. This changes nothing on the server.";
      return;
    }
    try {
      const answer = await get(`whatif?workload=${name}&${changed}`);
      if (mine !== generation) return;
      const seconds = settings().leadSeconds;
      card.try({ replicas: answer.plan.desiredReplicas, leadSeconds: seconds });
      showOutcome(part(".outcome"), answer, card.snapshot);
    } catch (error) {
      if (mine === generation) part(".outcome").textContent = error.message;
    }
  }

  part("form").addEventListener("submit", (event) => event.preventDefault());
  let waiting;
  part("form").addEventListener("input", () => {
    label();
    clearTimeout(waiting);
    waiting = setTimeout(ask, 80);
  });
  part(".reset").addEventListener("click", () => {
    setSliders(inForce);
    ask();
  });

  // Configuration

  const tabs = [...element.querySelectorAll("[role=tab]")];
  const paths = ["configuration", "scaledobject"];
  const choices = [...element.querySelectorAll(".trigger select")];
  let tab = 0, latest = "";
  async function showText() {
    tabs.forEach((button, index) => {
      button.setAttribute("aria-selected", index === tab);
      button.tabIndex = index === tab ? 0 : -1;
    });
    part("#text").setAttribute("aria-labelledby", tabs[tab].id);
    part(".trigger").hidden = tab === 0;
    part(".tuned").textContent = trying ? "with the settings of the sliders" : "";
    part(".texts").hidden = !offers().includes(paths[tab]);
    if (part(".texts").hidden) return;
    const shown = tab;
    const parameters = inForce ? changes() : new URLSearchParams();
    if (tab === 1) {
      // The first option is the scaler's default, which a trigger need not say.
      for (const choice of choices) if (choice.selectedIndex > 0) parameters.set(choice.id, choice.value);
    }
    const asked = `${paths[tab]}?workload=${name}&${parameters}`;
    latest = asked;
    const text = await get(asked).catch((error) => `# ${error.message}`);
    if (shown !== tab || latest !== asked) return;
    part(".texts").hidden = text === null;
    if (text !== null && part("#text").textContent !== text) part("#text").textContent = text;
  }
  for (const choice of choices) choice.addEventListener("change", showText);
  tabs.forEach((button, index) => {
    button.addEventListener("click", () => {
      tab = index;
      showText();
    });
    button.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      tab = 1 - tab;
      tabs[tab].focus();
      showText();
    });
  });
  part(".copy").addEventListener("click", async () => {
    const button = part(".copy");
    button.textContent = await copy(part("#text")) ? "Copied" : "Press Ctrl-C";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });

  async function refresh() {
    if (!card.snapshot) return;
    showWorth();
    showEvents();
    const why = await explain();
    if (why && !inForce && offers().includes("whatif")) {
      setUp(why);
      setSliders(inForce);
    }
    part(".whatif").hidden = !inForce;
    if (inForce) ask();
    else showText();
  }
  card.onPlan = refresh;
  refresh();
  return { name, element };
}

/** A share in per cent: 99.9 %. */
const shareText = (share) => `${Math.round(share * 1e6) / 1e4} %`;

/** The quantile that the margin of an objective has come to: 0.9996. */
const levelText = (share, width) => {
  const chance = 0.5 * (2 * (1 - share)) ** width;
  return (1 - chance).toFixed(Math.min(Math.max(2, Math.ceil(-Math.log10(chance))), 9));
};

/** The steps from the load to the pods, with one number for each. */
function showChain(section, why) {
  const margin = why.quantile ? `the forecast's p${Math.round(why.quantile * 1000) / 10}`
    : why.objective ? `the objective ${shareText(why.objective)}${why.objectiveWidth === undefined ? "" : `, the ${levelText(why.objective, why.objectiveWidth)} quantile`}`
    : why.headroom ? `× ${numberText(why.headroom)} headroom`
    : why.shortageCost ? `a minute with too few pods costs ${numberText(why.shortageCost)} pod-minutes` : "as planned";
  const steps = [
    why.currentLoad === undefined
      ? ["current load", "–", why.newestSampleAt ? `no sample since ${timeText(new Date(why.newestSampleAt))}` : "no sample"]
      : ["current load", numberText(why.currentLoad), "as measured"],
    ["forecast", numberText(why.forecast), `for ${timeText(new Date(why.stepEnds))}, the step that determines the plan`],
  ];
  if (why.plannedLoad !== undefined) steps.push(["planned for", numberText(why.plannedLoad), margin]);
  if (why.need !== undefined) steps.push(["required", pods(why.need), `at ${numberText(why.targetPerPod)} per pod`]);
  const lead = durationText(why.leadTimeSeconds * 1000);
  steps.push([why.isDryRun ? "would be requested" : "requested", pods(why.replicas), why.forecastOnlySeconds === undefined ? `until ${lead} from now`
    : `the forecast covers only ${durationText(why.forecastOnlySeconds * 1000)}, not the lead time of ${lead}`]);
  section.querySelector(".chain").replaceChildren(...steps.map(([label, figure, note]) => make("li", {},
    make("span", { className: "quiet", textContent: label }), make("b", { textContent: figure }),
    make("small", { className: "quiet", textContent: note }))));
  section.querySelector(".limits").replaceChildren(
    ...(why.required > why.replicas ? [make("li", { className: "short", textContent: `capped at ${why.replicas}: the load needs ${why.required}` })] : []),
    ...(why.clamps ?? []).map((clamp) => make("li", { textContent: limits[clamp] ?? clamp })));
  const started = why.startup
    && `Pods of ${why.workload} took ${Math.ceil(why.startup.seconds)} s to start (p95 of ${why.startup.pods}).`;
  section.querySelector("p").textContent = [
    started,
    why.nextChange ? `Next change: ${pods(why.nextChange.replicas)} at ${timeText(new Date(why.nextChange.at))}.` : "No change is planned.",
    why.recentError !== undefined
      && `Forecasts ${durationText((why.recentErrorAheadSeconds ?? 300) * 1000)} ahead are typically off by ${numberText(why.recentError * 100)} %.`,
    why.reason && `${why.reason[0].toUpperCase()}${why.reason.slice(1)}.`,
  ].filter(Boolean).join(" ");
}

/** What the plan was worth in the last seven days, beside an HPA. */
function showTiles(section, scorecard) {
  const week = scorecard.windows.find((window) => window.days === 7);
  const percent = (share) => share === undefined ? "–" : `${Math.round(share * 100)} %`;
  const both = (outcome) => `${numberText(week.hpa[outcome])} → ${numberText(week.plan[outcome])}`;
  const tiles = [
    ["minutes with too few pods", both("violationMinutes"), "HPA → plan"],
    ["pod-hours", both("podHours"), "HPA → plan"],
    ...(week.hpa.cost === undefined ? [] : [["cost", both("cost"), "HPA → plan"]]),
    ["capped", `${numberText(week.cappedMinutes)} min`, "limits below the required pods"],
    ["bridged", `${numberText(week.bridgedMinutes)} min`, "planned without new samples"],
    ...(week.real === undefined ? [] : [["minutes with too few ready pods", numberText(week.real.violationMinutes),
      `real pods, ${durationText(Math.round(week.realMinutes) * 60_000)} known`]]),
    ["forecast error", percent(week.forecastError), `${durationText(scorecard.leadTimeSeconds * 1000)} ahead`],
    ["p90 covers", percent(week.p90Coverage), "of the loads; 90 % is exact"],
  ];
  section.querySelector(".verdict").textContent = `${week.verdict[0].toUpperCase()}${week.verdict.slice(1)}.`;
  section.querySelector(".tiles").replaceChildren(...tiles.map(([label, figure, note]) => make("li", {},
    make("span", { className: "quiet", textContent: label }), make("b", { textContent: figure }),
    make("small", { className: "quiet", textContent: note }))));
  section.querySelector("p.quiet").textContent =
    `Last 7 days, ${durationText(Math.round(week.measuredMinutes) * 60_000)} measured. Both are simulated on the measured load, `
    + `with pods that start in ${durationText(scorecard.startupSeconds * 1000)}; the HPA holds ${percent(scorecard.utilization)} of the target per pod.`;
}

/** The effect of other settings, compared with the plan in force. */
function showOutcome(element, answer, snapshot) {
  const hours = (replicas) => (replicas.reduce((sum, count) => sum + count, 0) * snapshot.stepSeconds) / 3600;
  const figures = [
    ["requested now", answer.inForce.replicas, answer.explanation.replicas],
    ["maximum ahead", Math.max(...snapshot.desiredReplicas), Math.max(...answer.plan.desiredReplicas)],
    ["pod-hours in the plan", hours(snapshot.desiredReplicas), hours(answer.plan.desiredReplicas)],
  ];
  element.replaceChildren(...figures.map(([label, before, after]) => {
    const share = before ? Math.round((after / before - 1) * 100) : 0;
    return make("span", {}, make("span", { className: "quiet", textContent: label }),
      make("b", { textContent: `${numberText(before)} → ${numberText(after)}` }),
      make("small", { className: "quiet", textContent: share ? `${share > 0 ? "+" : "−"}${Math.abs(share)} %` : "the same" }));
  }));
}

/** Copies an element's text, also where browsers deny the clipboard to pages without TLS. */
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return document.execCommand("copy");
  }
}
