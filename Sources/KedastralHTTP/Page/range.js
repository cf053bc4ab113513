// The time range of a chart: buttons, zoom and pan, by pointer and by keys.

const hour = 3600000;
const spans = [["1 h", hour], ["6 h", 6 * hour], ["1 d", 24 * hour], ["7 d", 7 * 24 * hour], ["plan", null]];
/** The most samples that a host returns. */
const mostPoints = 10080;

/** Makes the range of `svg`, whose scale is `scale()`; `onChange` is called after each change, with whether other samples are needed. */
export function newRange(svg, scale, onChange) {
  const element = document.createElement("div");
  element.className = "range";
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", "Time range");
  let span = null, zoomed = null;
  const button = (text, name, action) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    if (name) made.setAttribute("aria-label", name);
    made.addEventListener("click", action);
    element.append(made);
    return made;
  };
  const choices = spans.map(([text, length]) => button(text, text === "plan" ? "plan: the forecast and the time before it" : null, () => {
    const isOther = span !== length;
    [span, zoomed] = [length, null];
    show();
    onChange(isOther);
  }));
  button("−", "zoom out", () => zoom(2));
  button("+", "zoom in", () => zoom(0.5));
  const whole = button("↺", "whole range", () => reset());
  function show() {
    choices.forEach((choice, index) => choice.setAttribute("aria-pressed", spans[index][1] === span));
    whole.disabled = zoomed === null;
  }
  function reset() {
    zoomed = null;
    show();
    onChange(false);
  }
  /** Shows the time from `from` to `to`, within what is known. */
  function move(from, to) {
    const now = scale();
    if (!now) return;
    const length = Math.min(Math.max(to - from, now.step * 5), now.last - now.first);
    const begin = Math.min(Math.max(from, now.first), now.last - length);
    zoomed = [begin, begin + length];
    show();
    onChange(false);
  }
  /** Makes the range longer by `factor` around a time. */
  function zoom(factor, around) {
    const now = scale();
    if (!now) return;
    const center = around ?? (now.past + now.future) / 2;
    move(center - (center - now.past) * factor, center + (now.future - center) * factor);
  }
  function pan(share) {
    const now = scale();
    if (now) move(now.past + share * (now.future - now.past), now.future + share * (now.future - now.past));
  }

  svg.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      if (scale()) zoom(event.deltaY > 0 ? 1.25 : 0.8, scale().timeAt(event.offsetX));
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      pan(event.deltaX / svg.clientWidth);
    }
  }, { passive: false });
  let dragged = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && scale()) dragged = { at: event.clientX, past: scale().past, future: scale().future, isMoving: false };
  });
  svg.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const moved = event.clientX - dragged.at;
    if (!dragged.isMoving && Math.abs(moved) < 5) return;
    if (!dragged.isMoving) svg.setPointerCapture(event.pointerId);
    dragged.isMoving = true;
    const shift = (moved / scale().width) * (dragged.future - dragged.past);
    move(dragged.past - shift, dragged.future - shift);
  });
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { dragged = null; });
  svg.addEventListener("dblclick", reset);
  svg.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = { "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: reset };
    if (event.shiftKey) Object.assign(actions, { ArrowLeft: () => pan(-0.25), ArrowRight: () => pan(0.25) });
    if (!(event.key in actions)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    actions[event.key]();
  });
  show();

  return {
    element,
    /** The shown time: `[from, to]`. */
    window(view, now, isNarrow) {
      const known = (time) => Math.max(view.begin, time);
      if (zoomed) return zoomed;
      if (span === null) return [known(now - (view.end - view.made) * (isNarrow ? 0.6 : 1.3)), view.end];
      return [known(now - span), Math.min(view.end, now + span)];
    },
    /** The number of samples that the range needs. */
    points: (step) => (span === null || !step ? 360 : Math.min(mostPoints, Math.max(360, Math.ceil(span / step) + 1))),
  };
}
