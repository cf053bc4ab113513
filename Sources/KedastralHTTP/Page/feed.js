// What the host sends: its live list of workloads, and documents about one workload.

let token = sessionStorage.getItem("token");

export function setToken(text) {
  token = text;
  sessionStorage.setItem("token", text);
}

function ask(path, signal) {
  return fetch(path, { headers: token ? { Authorization: `Bearer ${token}` } : {}, cache: "no-store", signal });
}

/** What a path answers: a JSON document, or a text; null when the host does not know it. */
export async function get(path) {
  const answer = await ask(path);
  if (answer.status === 404) return null;
  const isJSON = answer.headers.get("Content-Type")?.startsWith("application/json");
  const content = isJSON ? await answer.json() : await answer.text();
  if (!answer.ok) throw new Error(content.error ?? `${path}: ${answer.status}`);
  return content;
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Follows the host's event stream for ever. Read by fetch, since an EventSource cannot show a token.
 *
 * `onEvent` gets each event, and whether it is the first since the stream was opened; `onState` "live", "waiting" or
 * "refused"; `needToken` resolves when there is a new token. The returned function makes the stream another one.
 */
export function follow(path, onEvent, onState, needToken) {
  let current = path, controller = new AbortController();
  (async () => {
    for (let failures = 0; ; ) {
      const asked = current;
      controller = new AbortController();
      let timer;
      const alive = () => {
        clearTimeout(timer);
        timer = setTimeout(() => controller.abort(), 15000);
      };
      try {
        alive();
        const answer = await ask(asked, controller.signal);
        if (answer.status === 401) {
          onState("refused");
          await needToken();
          continue;
        }
        if (!answer.ok) throw new Error(`${asked}: ${answer.status}`);
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = "", isFirst = true;
        for (;;) {
          const { value, done } = await reader.read();
          if (done || asked !== current) break;
          alive();
          rest += value;
          const parts = rest.split("\n\n");
          rest = parts.pop();
          for (const part of parts) {
            const data = part.split("\n").find((line) => line.startsWith("data: "));
            if (!data) continue;
            onEvent(JSON.parse(data.slice(6)), isFirst);
            isFirst = false;
          }
          onState("live");
          failures = 0;
        }
      } catch {
        // The host is away, or silent for too long: try again below.
      } finally {
        clearTimeout(timer);
      }
      if (asked !== current) continue;
      onState("waiting");
      await pause(Math.min(10000, 500 * 2 ** failures++) * (0.7 + 0.6 * Math.random()));
    }
  })();
  return (changed) => {
    if (changed === current) return;
    current = changed;
    controller.abort();
  };
}

/**
 * The host's clock, which may run faster than ours: between two events it continues at the pace seen recently. While the host
 * is not heard it continues for ever, so that ages grow.
 */
export const clock = {
  at: 0, seen: 0, pace: 1, isLost: false,
  set(now) {
    const seen = performance.now();
    // Two events that come together tell no pace.
    if (this.at && seen - this.seen > 200) {
      const pace = (now - this.at) / (seen - this.seen);
      this.pace = pace < 0 ? 0 : this.pace * 0.6 + pace * 0.4;
      if (Math.abs(this.pace - pace) > 0.5 * Math.max(pace, this.pace)) this.pace = Math.max(0, pace);
    } else if (this.at) {
      return;
    }
    this.at = now;
    this.seen = seen;
  },
  get now() {
    const since = performance.now() - this.seen;
    return this.at + (this.isLost ? since * Math.max(1, this.pace) : Math.min(since, 2000) * this.pace);
  },
};
