// Where the figures come from: answers that the engine sends each second, and a few that are asked for. It gives up never, and waits longer each time.
const api = "api/v1/";
const silentMsMax = 6000; // the engine sends each second
const waitsMs = [500, 1000, 2000, 4000, 8000, 15_000];

function query(parameters) {
  const text = new URLSearchParams();
  for (const [name, given] of Object.entries(parameters)) if (given) text.set(name, given);
  return text.toString();
}

// ask gets JSON, or fails with what the engine says.
export async function ask(path, parameters = {}, signal) {
  const response = await fetch(api + path + "?" + query(parameters), { signal: signal ?? AbortSignal.timeout(10_000), cache: "no-store" });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.error?.message ?? `the engine answers ${response.status}`), { answered: true, code: body.error?.code });
  return body;
}

// Feed follows the answers to one query.
export class Feed {
  constructor(parameters, { answer, problem, lost }) {
    Object.assign(this, { parameters, answer, problem, lost, failures: 0, ended: new AbortController() });
    this.open();
  }

  // open asks once, which says what is wrong if something is, and listens then.
  async open() {
    try {
      const first = await ask("kpi", this.parameters, AbortSignal.any([this.ended.signal, AbortSignal.timeout(10_000)]));
      if (this.ended.signal.aborted) return;
      this.answer(first);
      this.listen();
    } catch (err) {
      if (this.ended.signal.aborted) return;
      this.again(err.answered ? err.message : "", err.code);
    }
  }

  listen() {
    this.source = new EventSource(api + "kpi/stream?" + query(this.parameters));
    this.alive();
    this.source.onmessage = (message) => {
      this.alive();
      this.failures = 0;
      this.answer(JSON.parse(message.data));
    };
    this.source.addEventListener("problem", (message) => {
      this.alive();
      this.problem(JSON.parse(message.data).error?.message ?? "");
    });
    this.source.onerror = () => this.again("");
  }

  // alive waits for the next sign of life.
  alive() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.again(""), silentMsMax);
  }

  again(why, code) {
    this.rest();
    const wait = waitsMs[Math.min(this.failures++, waitsMs.length - 1)] * (0.75 + Math.random() / 2);
    this.lost(why, wait, code);
    this.timer = setTimeout(() => this.open(), wait);
  }

  // now tries at once, as when somebody comes back to the page.
  now() {
    if (this.source) return;
    clearTimeout(this.timer);
    this.open();
  }

  rest() {
    clearTimeout(this.silence);
    clearTimeout(this.timer);
    this.source?.close();
    this.source = undefined;
  }

  end() {
    this.ended.abort();
    this.rest();
  }
}
