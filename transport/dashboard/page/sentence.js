// The one sentence that says how it goes.
import { count, duration, hasValue, share, whole } from "./format.js";
import { lineSentence } from "./line.js";
import { failuresOfMin, oursHigh, paymentHigh, targetMs } from "./constants.js";

const states = { draft: "Not on sale yet.", closed: "The sale is closed.", archived: "The sale is over.", cancelled: "Cancelled." };

// say returns the parts of the sentence, and how good it is: good, warn, bad or quiet.
export function say(model) {
  if (model.state && !model.state.ready) return { tone: "bad", parts: ["The engine is not ready.", model.state.why && finish(model.state.why)].filter(Boolean) };
  return model.address.event ? ofEvent(model) : ofAll(model);
}

const finish = (text) => (/[.!?]$/.test(text) ? text : text + ".");

function ofEvent(model) {
  const e = model.answer?.event;
  if (model.unknown) return { tone: "quiet", parts: [`There is no event ${model.address.event} here.`, "Or it is archived."] };
  if (!e) return { tone: "quiet", parts: ["Reading the figures …"] };
  const sold = e.sellable > 0 ? `${whole(e.sold / e.sellable)} sold.` : "";
  const oneClick = e.observe ? "It sells elsewhere and is only observed." : e.one_click === "off" ? "One-click is off." : e.one_click ? `One-click on for ${inLocale(e.one_click)}.` : "";
  const parts = (first) => [first, sold, oneClick].filter(Boolean);
  if (e.state === "paused") return { tone: "warn", parts: parts("Paused.") };
  if (e.state !== "on_sale") return { tone: "quiet", parts: [...parts(states[e.state] ?? finish(e.state)), model.line && e.state === "draft" ? lineSentence(model, model.line) : ""].filter(Boolean) };
  if (e.observe) return { tone: "quiet", parts: parts("Observed.") };
  if (e.sellable > 0 && e.free <= 0) {
    const open = e.held + e.paying;
    return open ? { tone: "good", parts: [`Everything is taken: ${count(open)} tickets are held or being paid.`, ...parts("").filter(Boolean)] } : { tone: "good", parts: ["Sold out.", oneClick].filter(Boolean) };
  }
  const trouble = troubleOf(model);
  if (trouble) return { tone: trouble.tone, parts: parts(trouble.text) };
  return { tone: "good", parts: parts(e.orders > 0 ? "Selling normally." : "On sale, no order yet.") };
}

// inLocale writes a percentage of the engine, as in "10 %", as the other numbers are.
function inLocale(text) {
  const found = /^([\d.]+) ?%$/.exec(text);
  return found ? share(Number(found[1]) / 100) : text;
}

// shareOf is a count of purchases as a share of all of them; 0 where there are too few to say.
const shareOf = (f) => (hasValue(f) && (f.denominator ?? 0) >= failuresOfMin ? f.value / f.denominator : 0);

function troubleOf(model) {
  const slow = model.figure("latency.l1.p95"), ours = shareOf(model.figure("errors.ours")), payment = shareOf(model.figure("errors.payment"));
  if (ours > oursHigh) return { tone: "bad", text: `Selling, but ${share(ours)} of purchases fail by us.` };
  if (payment > paymentHigh) return { tone: "bad", text: `Selling, but ${share(payment)} of payments fail.` };
  const alarms = model.state?.alarms?.length ?? 0;
  if (alarms) return { tone: "warn", text: `Selling, with ${alarms === 1 ? "an alert" : count(alarms) + " alerts"}.` };
  if (hasValue(slow) && slow.value > targetMs) return { tone: "warn", text: `Selling, but slowly: one buyer in twenty waits ${duration(slow.value)} or longer.` };
  return undefined;
}

function ofAll(model) {
  const events = model.everything;
  if (!events) return { tone: "quiet", parts: ["Reading the figures …"] };
  if (!model.everythingTotal) return { tone: "quiet", parts: ["There is no event yet."] };
  const gone = (e) => e.sellable > 0 && e.free <= 0 && e.held + e.paying === 0;
  const open = events.filter((e) => e.state === "on_sale" && !e.observe), on = open.filter((e) => !gone(e)), out = open.length - on.length, paused = events.filter((e) => e.state === "paused");
  const through = model.figure("sold_out.sell_through");
  const sellable = events.reduce((sum, e) => sum + e.sellable, 0), sold = events.reduce((sum, e) => sum + e.sold, 0);
  const part = hasValue(through) ? through.value : sellable > 0 && model.everythingTotal === events.length ? sold / sellable : undefined;
  const parts = (first) => [first, paused.length ? `${count(paused.length)} paused.` : "", on.length && out ? `${count(out)} sold out.` : "", part === undefined ? "" : `${whole(part)} sold.`].filter(Boolean);
  if (!on.length && out) return { tone: "good", parts: parts("Everything on sale is sold out.") };
  if (!on.length) return { tone: paused.length ? "warn" : "quiet", parts: parts("Nothing is on sale.") };
  const trouble = troubleOf(model);
  const many = model.everythingTotal > events.length ? "At least " : "", noun = on.length === 1 ? "event" : "events";
  if (trouble) return { tone: trouble.tone, parts: [trouble.text, ...parts(`${many}${count(on.length)} ${noun} on sale.`)] };
  return { tone: "good", parts: parts(`${many}${count(on.length)} ${noun} selling normally.`) };
}
