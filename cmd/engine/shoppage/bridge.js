// What the page knows of the bridge: one POST a command, JSON both ways, same origin only.

/** A refusal by the engine: it has a code, and a sentence for people. */
export class Refused extends Error {
  constructor(error) {
    super(error.message);
    this.code = error.code;
    this.field = error.field ?? "";
    this.retryAfterMs = error.retry_after_ms ?? 0;
  }
}

const tries = 4;
const pauseMs = 300;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Sends a command and returns the answer. When the answer is lost it is sent again as it was, with the same request_id: it has its effect once.
 * Throws Refused, or an Error when nobody answers.
 */
export async function ask(verb, body = {}) {
  const text = JSON.stringify(body);
  for (let n = 1; ; n++) {
    try {
      const response = await fetch(`api/${verb}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: text });
      const answer = await response.json();
      if (response.status === 409) throw new Refused(answer.error);
      if (!response.ok) throw new Error(`the bridge answers ${response.status}`);
      return answer;
    } catch (problem) {
      if (problem instanceof Refused || n === tries) throw problem;
      await pause(n * pauseMs);
    }
  }
}

/** An id for a command that is not a repeat. */
export const requestID = () => crypto.randomUUID();

/** "EUR 95.00" of minor units. The currency is written out: no symbol that several countries share. */
export function money(minor, currency, decimals) {
  const digits = String(minor).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals).replace(/\B(?=(\d{3})+$)/g, ",");
  return decimals === 0 ? `${currency} ${whole}` : `${currency} ${whole}.${digits.slice(-decimals)}`;
}

export { pause };
