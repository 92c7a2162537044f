// Numbers as people read them, in the language of the browser. What has no value is words, never 0.
import { exponent } from "./currency.js";

const formats = new Map();
function number(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(undefined, options));
  return formats.get(key);
}

export const count = (n) => number({ maximumFractionDigits: 0 }).format(n);
// short is for axes: 200K.
export const short = (n) => (n < 10_000 ? count(n) : number({ notation: "compact", maximumFractionDigits: 1 }).format(n));
export const decimal = (v, digits = 1) => number({ maximumFractionDigits: digits }).format(v);
const withUnit = (v, unit, digits) => number({ style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits }).format(v);

// share shows 0 to 1 as a percentage: the smaller, the more digits. What is not all is never rounded to 100 %, and what is not nothing never to 0 %.
export function share(v) {
  const digits = v === 0 || v === 1 ? 0 : Math.abs(v) < 0.01 ? 2 : 1;
  const smallest = 10 ** -(digits + 2);
  if (v > 0 && v < 1 && v > 1 - smallest / 2) v = 1 - smallest;
  if (v > 0 && v < smallest / 2) return "< " + number({ style: "percent", maximumFractionDigits: digits }).format(smallest);
  return number({ style: "percent", maximumFractionDigits: digits }).format(v);
}

// whole shows a share without decimals, for sentences.
export const whole = (v) => number({ style: "percent", maximumFractionDigits: 0 }).format(v > 0.99 && v < 1 ? 0.99 : v > 0 && v < 0.01 ? 0.01 : v);

// money shows minor units of a currency, by its exponent.
export function money(minor, currency) {
  const digits = exponent(currency);
  return number({ style: "currency", currency, currencyDisplay: "code", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(minor / 10 ** digits);
}

// duration shows milliseconds in the one or two units that matter.
export function duration(ms) {
  if (ms < 0) return "−" + duration(-ms);
  if (ms < 1000) return withUnit(ms, "millisecond", 0);
  if (ms < 59_950) return withUnit(ms / 1000, "second", ms < 9_950 ? 1 : 0);
  const seconds = Math.round(ms / 1000), minutes = Math.round(ms / 60_000), hours = Math.round(ms / 3_600_000);
  const two = (whole, unit, rest, restUnit) => withUnit(whole, unit, 0) + (rest ? " " + withUnit(rest, restUnit, 0) : "");
  if (seconds < 3600) return two(Math.floor(seconds / 60), "minute", seconds % 60, "second");
  if (minutes < 48 * 60) return two(Math.floor(minutes / 60), "hour", minutes % 60, "minute");
  return two(Math.floor(hours / 24), "day", hours % 24, "hour");
}

// took shows how long something took: nothing takes no time at all.
export const took = (ms) => (ms >= 0 && ms < 0.5 ? `< ${duration(1)}` : duration(ms));

// age shows how old figures are: nobody reads milliseconds that change each second.
export const age = (ms) => (ms === undefined ? "not available" : ms < 1000 ? `Under ${duration(1000)}` : duration(ms));

const times = new Map();
function time(options, zone) {
  const key = JSON.stringify(options) + zone;
  if (!times.has(key)) {
    let format;
    try {
      format = new Intl.DateTimeFormat(undefined, { ...options, timeZone: zone || undefined });
    } catch {
      format = new Intl.DateTimeFormat(undefined, options); // a zone that this browser does not know
    }
    times.set(key, format);
  }
  return times.get(key);
}

export const clock = (ms, zone) => time({ hour: "2-digit", minute: "2-digit", second: "2-digit" }, zone).format(ms);
export const clockShort = (ms, zone) => time({ hour: "2-digit", minute: "2-digit" }, zone).format(ms);
export const day = (ms, zone) => time({ day: "numeric", month: "short" }, zone).format(ms);
export const moment = (ms, zone) => time({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }, zone).format(ms);
// instant is a moment to the second: a sale that matters may last ten.
export const instant = (ms, zone) => time({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" }, zone).format(ms);
export const zoneName = (zone) => time({}, zone).resolvedOptions().timeZone;

// missing explains why a figure has no value.
const missing = {
  "not available": "Nothing that it is made of was reported in this time range.",
  "too few": "Fewer answers than it takes to say something.",
  "not yet": "Nobody has been watched for long enough yet, or it has not happened.",
  "no control arm": "Only buyers who are left out by lot could show what would have happened otherwise.",
  "several currencies": "Amounts in different currencies are not added: choose one event.",
  "no bound": "Nothing limits it here.",
  over: "The line is over.",
  "no flow yet": "It is about buyers who have not chosen a checkout yet: by flow it would count those who stayed only.",
};

export const whyLong = (f) => (f ? missing[f.why] ?? "" : "This engine does not measure it.");

export const hasValue = (f) => f?.value !== null && f?.value !== undefined;

// value is the text of a figure.
export function value(f, zone) {
  if (!hasValue(f)) return f?.why || "not available";
  const v = f.value;
  switch (f.unit) {
    case "ratio": return share(v);
    case "ms": return took(v);
    case "minor": return f.currency ? money(v, f.currency) : count(v);
    case "per_s": return decimal(v, v < 10 ? 2 : 0) + " /s";
    case "per_100": return decimal(v, 1) + " per 100";
    case "per_1000": return decimal(v, 1) + " per 1,000";
    case "per_buyer": return decimal(v, 2) + " per buyer";
    case "score": return decimal(v, 1);
    case "unix_ms": return instant(v, zone);
    default: return count(v);
  }
}

// of is what a figure was made of.
export function of(f, what = "") {
  if (!hasValue(f)) return "";
  if (f.numerator != null && f.denominator != null) return `${count(f.numerator)} of ${count(f.denominator)}${what && " " + what}`;
  if (f.denominator != null) return `of ${count(f.denominator)}${what && " " + what}`;
  return "";
}

export const interval = (f) => (f?.low != null && f?.high != null ? `${value({ ...f, value: f.low })} to ${value({ ...f, value: f.high })}` : "");

// named makes words of a code.
export function named(code) {
  const words = String(code).replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
