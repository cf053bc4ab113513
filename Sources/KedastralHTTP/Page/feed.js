// What the host sends: its live list of workloads, and documents about one workload.

let token = sessionStorage.getItem("token");

export function setToken(text) {
  token = text;
  sessionStorage.setItem("token", text);
}

function ask(path, signal) {
  return fetch(path, { headers: token ? { Authorization: `Bearer ${token}` } : {}, cache: "no-store", signal });
}

/** A JSON document, or null when the host does not know the workload. */
export async function getDocument(path) {
  const answer = await ask(path);
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Follows the host's event stream for ever: `onEvent` gets each event, `onState` "live", "waiting" or "refused".
 * Read by fetch, since an EventSource cannot show a token. `needToken` resolves when there is a new one.
 */
export async function follow(onEvent, onState, needToken) {
  for (let failures = 0; ; ) {
    const watchdog = new AbortController();
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => watchdog.abort(), 15000);
    };
    try {
      alive();
      const answer = await ask("events", watchdog.signal);
      if (answer.status === 401) {
        onState("refused");
        await needToken();
        continue;
      }
      if (!answer.ok) throw new Error(`events: ${answer.status}`);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        alive();
        rest += value;
        const parts = rest.split("\n\n");
        rest = parts.pop();
        for (const part of parts) {
          const data = part.split("\n").find((line) => line.startsWith("data: "));
          if (data) onEvent(JSON.parse(data.slice(6)));
        }
        onState("live");
        failures = 0;
      }
    } catch {
      // The host is away, or silent for too long: try again below.
    } finally {
      clearTimeout(timer);
    }
    onState("waiting");
    await pause(Math.min(10000, 500 * 2 ** failures++) * (0.7 + 0.6 * Math.random()));
  }
}
