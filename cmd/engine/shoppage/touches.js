// What the page reports of a visit: a few at a time, behind what the buyer waits for, and never in its way. Times are durations of the browser's own clock.
import { requestID } from "./bridge.js";

const gatherMs = 400;
const mostAtOnce = 12;

let gathered = [];
let timer = 0;
let linked = false; // the buyer lets the shop link what happens here

const coarse = matchMedia("(pointer: coarse)").matches;
const device = !coarse ? "desktop" : Math.min(screen.width, screen.height) >= 700 ? "tablet" : "mobile";
const source = document.referrer ? "link" : "direct";

/** Says whether the buyer agrees that what happens here is linked to them. Without it the engine counts it in sums, and drops whose it is. */
export const agree = (does) => {
  linked = does;
};

/** Reports that something was seen or done, soon. */
export function touch(kind, fields = {}) {
  gathered.push({ at: performance.now(), body: { kind, id: requestID(), consent: linked, device, source, ...fields } });
  if (gathered.length >= mostAtOnce) send();
  else timer ||= setTimeout(send, gatherMs);
}

/** Sends what has gathered, also while the page is being left. */
export function send() {
  clearTimeout(timer);
  timer = 0;
  if (gathered.length === 0) return;
  const now = performance.now();
  const touches = gathered.splice(0).map(({ at, body }) => ({ ...body, ago_ms: Math.round(now - at) }));
  navigator.sendBeacon("api/touch", new Blob([JSON.stringify({ touches })], { type: "application/json" }));
}
