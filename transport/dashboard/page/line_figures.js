// What /api/v1/line says of an event's line, as figures like all others: a value, or why there is none.
import terms from "./line_terms.json";

export const lineTerms = new Map(terms.map((t) => [t.id, t]));

// lineOf is an answer's line with all that is said of it in one place; of an event that is over it is over.
export function lineOf(a) {
  const ended = ["closed", "cancelled", "archived"].includes(a.state);
  return { ...a.line, at_ms: a.at_ms, opens_at_ms: a.opens_at_ms, rate: a.passes_per_min, checkpoints: a.checkpoints ?? [], room: a.room, lasts_to: a.lasts_to, list: a.waiting_list, phase: ended ? "over" : (a.line?.phase ?? "none") };
}

export const hasLine = (l) => (l.phase !== "none" && l.phase !== "over") || l.joined > 0 || l.mode === "line";

const known = new WeakMap();

// lineFigures are the figures of an answer, by id.
export function lineFigures(l) {
  if (!l) return new Map();
  if (!known.has(l)) known.set(l, new Map(figures(l).map((f) => [f.kpi, f])));
  return known.get(l);
}

const count = (kpi, n, why = "not yet") => ({ kpi, value: n ?? null, unit: "count", why: n == null ? why : "" });
const ms = (kpi, n) => ({ kpi, value: n ?? null, unit: "ms", why: n == null ? "not yet" : "" });
const part = (kpi, n, d) => ({ kpi, value: d > 0 ? n / d : null, unit: "ratio", numerator: n, denominator: d, why: d > 0 ? "" : "not yet" });

function figures(l) {
  const began = l.phase === "serving" || l.phase === "over", room = l.phase === "serving" ? l.room : undefined, list = l.list ?? {}, f = l.fairness, served = f?.all.served > 0 ? f.all : undefined;
  const bound = (kpi, n) => (room && n == null ? { kpi, value: null, unit: "count", why: "no bound" } : count(kpi, room && n));
  return [
    ...["joined", "waiting", "admitted", "spent", "skipped", "lapsed", "gone", "left"].map((state) => count("line." + state, l[state] ?? 0)),
    count("line.entries", l.phase === "none" ? null : l.entries), count("line.served", began ? (l.served ?? 0) : null), count("line.rate", l.phase === "serving" ? l.rate : null, l.phase === "over" ? "over" : "not yet"),
    ...["free", "supply", "promised", "grant"].map((name) => count("line." + name, room?.[name])),
    bound("line.by_stock", room?.by_stock), bound("line.by_lane", room?.by_lane), bound("line.by_max", room?.by_max),
    ...["waiting", "offered", "bought", "lapsed", "released", "unpaid", "left", "took", "unfit"].map((state) => count("line.list." + state, list[state] ?? 0)),
    count("line.fair.overtaken", served?.overtook), ...["p50", "p90", "p99", "max"].map((p) => ms("line.fair.wait." + p, served?.[p + "_ms"])),
    part("line.fair.no_shows", f?.all.no_shows, f ? f.all.served + f.all.no_shows : 0), part("line.fair.left", f?.all.left, f?.all.joined),
    part("line.fair.linked", f?.linked, f?.tickets), count("line.fair.most_linked", f?.tickets > 0 ? f.most_linked : null),
    ...["standard", "one_click"].map((flow) => part("line.fair." + flow, f?.[flow + "_ordered"], f?.[flow + "_shopped"])), difference(f),
  ];
}

// difference is in hundredths of a percent; its interval is 1.96 standard errors to each side.
function difference(f) {
  const kpi = "line.fair.difference", unit = "ratio", at = (bp) => bp / 10_000;
  return f?.error_bp > 0 ? { kpi, unit, value: at(f.difference_bp), low: at(f.difference_bp - 1.96 * f.error_bp), high: at(f.difference_bp + 1.96 * f.error_bp) } : { kpi, unit, value: null, why: "too few" };
}
