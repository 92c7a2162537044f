// What a product manager asks: how does it go, does one-click help, what did it bring, does anybody regret it, and may I trust this.
import { html, nothing, svg } from "lit-html";
import { age, count, decimal, duration, hasValue, money, moment, of, interval, share, took, value } from "./format.js";
import { bullet, facts, figureTable, missing, panel, shown, table, term } from "./parts.js";
import { dimensions, link, windowOf } from "./address.js";
import { matureMs, targetMs } from "./constants.js";
import { lineProduct } from "./line.js";
import { steps } from "./chart.js";

export const breakdownKPIs = ["orders", "conversion", "abandonment", "checkout_time.p50", "latency.l1.p95", "errors.rate", "revenue.net", "support.all"];
export const baselineKPIs = ["orders", "conversion", "latency.l1.p95", "errors.rate", "adoption.attempted"];

export const product = (model) => html`
  ${tiles(model)}
  <div class="grid">${funnel(model)}${moneyPanel(model)}</div>
  <div class="grid three">${regret(model)}${support(model)}${satisfaction(model)}</div>
  ${lineProduct(model)}
  ${trust(model)}
  ${breakdown(model)}`;

function tiles(model) {
  const f = model.figure, latency = f("latency.l1.p95"), within = f("latency.confirmed_2s");
  return html`<section class="tiles" aria-label="Headline figures">
    ${tile(model, { id: "orders", name: "Orders", detail: ordersDetail(model), extra: spark(model, "orders"), baselineText: (b) => `${value(b)} in all` })}
    ${tile(model, { id: "conversion", name: "Conversion", detail: conversionDetail(f("conversion")) })}
    ${tile(model, {
      id: "latency.l1.p95", name: "Click to result, p95", tone: hasValue(latency) && latency.value > targetMs ? "missed" : "",
      detail: html`Target ${duration(targetMs)}${hasValue(within) ? html` · ${share(within.value)} of clicks had an order by then` : nothing}`, extra: hasValue(latency) ? bullet(latency.value, targetMs) : nothing,
    })}
    ${tile(model, { id: "errors.rate", name: "Failures", detail: hasValue(f("errors.rate")) ? `${of(f("errors.rate"), "purchases")}, sold out left out` : "Sold out is no failure" })}
    ${tile(model, { id: "adoption.attempted", name: "One-click adoption", detail: hasValue(f("adoption.attempted")) ? of(f("adoption.attempted"), "who were offered it") : "of the buyers who were offered it" })}
  </section>
  ${model.baselineEvent ? html`<p class="baseline-note">Baseline: ${model.everything?.find((e) => e.id === model.baselineEvent)?.name || model.baselineEvent}. Before and after, not causal.</p>` : nothing}`;
}

function ordersDetail(model) {
  const tickets = model.figure("tickets"), rate = model.figure("throughput.orders");
  return [hasValue(tickets) && `${count(tickets.value)} tickets before refunds`, hasValue(rate) && rate.value > 0 && `${decimal(rate.value, rate.value < 10 ? 2 : 0)} orders/s on average`].filter(Boolean).join(" · ");
}

function conversionDetail(f) {
  if (!hasValue(f)) return "of the buyers who viewed the event";
  return of(f, "who viewed") + (f.mature != null && f.mature < 1 ? ` · ${share(f.mature)} mature` : "");
}

function tile(model, { id, name, detail, extra = nothing, tone = "", baselineText }) {
  const f = model.figure(id), b = model.baselineFigure(id);
  return html`<article class=${"tile " + tone}><h2>${term(model, id, name)}</h2>
    <p class=${hasValue(f) ? "big" : "big none"}>${shown(model, f)}</p>
    <p class="detail">${detail}</p><div class="extra">${extra}</div>
    <p class="baseline">${!model.baselineEvent ? "No baseline" : hasValue(b) ? html`Baseline <b>${baselineText ? baselineText(b) : value(b)}</b>` : html`Baseline ${b?.why ?? "not available"}`}</p></article>`;
}

// spark is a course as a small picture, from 0; the on-sale view has it with axes and as a table.
function spark(model, id) {
  const { columns: [values] } = steps([{ points: model.answer?.courses?.[id] }], model.answer?.at_ms ?? 0);
  const last = values.slice(-60).map((v) => v ?? 0);
  if (last.length < 8) return nothing; // too few to show a course
  const most = Math.max(...last, 1), at = (v, i) => `${((i / (last.length - 1)) * 100).toFixed(1)} ${(23 - (v / most) * 21).toFixed(1)}`;
  return svg`<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true"><path class="area" d=${"M0 24L" + last.map(at).join("L") + "L100 24Z"}></path><path d=${"M" + last.map(at).join("L")}></path></svg>`;
}

const stages = [["viewed", "Viewed the event"], ["selected", "Selected tickets"], ["held", "Held tickets"], ["attempted", "Tried to pay"], ["ordered", "Ordered"]];

function funnel(model) {
  const all = stages.map(([id, name]) => ({ id: "funnel." + id, name, f: model.figure("funnel." + id), time: model.figure(`funnel.${id}.time.p50`) }));
  const reached = (s) => (hasValue(s.f) ? (s.f.unit === "count" ? s.f.value : s.f.numerator) : undefined); // the first step is a count, the others shares of the step before
  const top = Math.max(1, ...all.map((s) => reached(s) ?? 0)), left = model.figure("abandonment");
  const bars = html`<ol class="funnel">${all.map((s, i) => html`<li><div class="step">${term(model, s.id, s.name)}<b>${reached(s) === undefined ? missing(s.f) : count(reached(s))}</b></div>
    <div class="track">${reached(s) ? html`<i .style=${`width:${((reached(s) / top) * 100).toFixed(2)}%`}></i>` : nothing}</div>
    <p class="detail">${i === 0 ? "buyers, each once an event" : hasValue(s.f) ? html`${share(s.f.value)} of the step before${hasValue(s.time) ? html` · half of them within ${took(s.time.value).replace("< ", "")}` : nothing}` : "\u00a0"}</p></li>`)}</ol>
    <dl class="facts after"><div><dt>${term(model, "abandonment", "Held tickets and left")}</dt><dd>${shown(model, left)}</dd></div>
    <div class="inner"><dt>${term(model, "abandonment.could_not", "could not: declined, error, sold out")}</dt><dd>${shown(model, model.figure("abandonment.could_not"))}</dd></div>
    <div class="inner"><dt>${term(model, "abandonment.did_not", "did not: went away")}</dt><dd>${shown(model, model.figure("abandonment.did_not"))}</dd></div></dl>`;
  const ids = [...stages.flatMap(([id]) => ["funnel." + id, `funnel.${id}.time.p50`]).filter((id) => id !== "funnel.viewed.time.p50"), "abandonment", "abandonment.could_not", "abandonment.did_not"];
  return panel(model, { id: "funnel", title: "Funnel", content: bars, table: figureTable(model, ids), note: cohortNote(model.figure("conversion")) });
}

const cohortNote = (f) => (f?.so_far ? "By when buyers came first; the newest are still under way" : "By when buyers came first");

function moneyPanel(model) {
  const net = model.figure("revenue.net");
  const ids = ["revenue.face", "revenue.fees", "revenue.refunds", "revenue.net", "revenue.tax", "revenue.order_value", "revenue.frequency", "revenue.share_shift", "revenue.cannibalisation"];
  const content = html`<p class="lead"><span class="label">Net revenue</span><span class=${hasValue(net) ? "big" : "big none"}>${shown(model, net)}</span></p>
    ${facts(model, [
      { id: "revenue.face", name: "Face value" }, { id: "revenue.fees", name: "Fees" }, { id: "revenue.refunds", name: "Refunds", text: refunds(model) },
      { id: "revenue.tax", name: "Tax in face value and fees" }, { id: "revenue.order_value", name: "Order value" }, { id: "revenue.frequency", name: "Orders a buyer" },
      { id: "revenue.share_shift", name: "Share shift to one-click" }, { id: "revenue.cannibalisation", name: "Cannibalisation" },
    ])}`;
  return panel(model, { id: "money", title: "Money", content, table: figureTable(model, ids) });
}

function refunds(model) {
  const f = model.figure("revenue.refunds");
  return hasValue(f) && f.value > 0 ? "− " + (f.currency ? money(f.value, f.currency) : count(f.value)) : shown(model, f);
}

function regret(model) {
  const ids = ["regret.rate", "regret.undo", "regret.refund_72h", "regret.disputes", "regret.did_not_mean"];
  return panel(model, {
    id: "regret", title: "Regret", table: figureTable(model, ids),
    content: facts(model, [
      { id: ids[0], name: "In all", strong: true }, { id: ids[1], name: "Taken back" }, { id: ids[2], name: "Refund asked within 72 h" }, { id: ids[3], name: "Disputed" }, { id: ids[4], name: "Did not mean to buy" },
    ]),
  });
}

function support(model) {
  const ids = ["support.all", "support.one_click", "errors.never_succeeded", "latency.confirmed_2s"];
  return panel(model, {
    id: "support", title: "Support", table: figureTable(model, ids),
    content: facts(model, [
      { id: ids[0], name: "Queries", strong: true }, { id: ids[1], name: "about one-click" }, { id: ids[2], name: "Buyers who never succeeded" }, { id: ids[3], name: "Confirmed within 2 s" },
    ]),
  });
}

function satisfaction(model) {
  const ids = ["satisfaction.csat", "satisfaction.nps", "satisfaction.responses"], spread = (id) => {
    const f = model.figure(id);
    return html`${shown(model, f)}${interval(f) ? html`<span class="interval">${interval(f)}</span>` : nothing}`;
  };
  return panel(model, {
    id: "satisfaction", title: "Satisfaction", table: figureTable(model, ids),
    content: facts(model, [
      { id: ids[0], name: "CSAT, 4 or 5 of 5", text: spread(ids[0]), strong: true }, { id: ids[1], name: "NPS, −100 to 100", text: spread(ids[1]) }, { id: ids[2], name: "Answered the survey" },
    ]),
  });
}

// trust says how far the figures above can be believed.
function trust(model) {
  const a = model.answer, books = model.state?.books, views = model.figure("coverage.views"), orders = model.figure("coverage.orders"), since = model.state?.since_ms;
  const cells = [
    ["Age of the data", age(model.ageMs()), a?.through_ms ? `through ${moment(a.through_ms, model.zone)}${since ? `, since ${moment(since, model.zone)}` : ""}` : "nothing has happened yet"],
    [term(model, "coverage.views", "Coverage"), shown(model, views), hasValue(orders) ? `of views can be linked; ${share(orders.value)} of orders` : "of views can be linked to a buyer"],
    ["Books", books ? (books.balanced ? "Balanced" : html`<span class="is-bad">Not balanced</span>`) : missing(), booksDetail(books)],
    ["Provisional until", ...provisional(model)],
  ];
  return html`<section class="trust" aria-label="How far to trust these figures">${cells.map(([name, text, detail]) => html`<div><h2>${name}</h2><p class="mid">${text}</p><p class="detail">${detail}</p></div>`)}</section>`;
}

function booksDetail(books) {
  if (!books) return "the engine has not said yet";
  const open = [
    books.drift_tickets > 0 && `${count(books.drift_tickets)} tickets adrift`, books.unknown_charges > 0 && `${count(books.unknown_charges)} charges still unknown`,
    books.money_alarms > 0 && `${count(books.money_alarms)} purchases needed an operator`,
  ].filter(Boolean);
  return open.length ? open.join(", ") : "every ticket and every charge is accounted for";
}

function provisional(model) {
  const a = model.answer, f = model.figure("conversion"), wait = duration(matureMs);
  if (!a) return [missing(), "\u00a0"];
  if (!f?.so_far) return ["Final", "every buyer counted has had their time"];
  if (model.onSale()) return [`${wait} after the sale`, "new buyers keep coming while it is on"];
  return [moment(a.through_ms + matureMs, model.zone), `${wait} after the last buyer came`];
}

// breakdown is the table by flow, device and so on.
function breakdown(model) {
  const by = model.address.by, b = model.breakdown, ids = breakdownKPIs.filter((id) => model.definitions.has(id) || b?.rows?.some((r) => r.figures.some((f) => f.kpi === id)));
  const choices = dimensions.filter(([id]) => !(model.address.event && (id === "event" || id === "genre")));
  const name = choices.find(([id]) => id === by)?.[1] ?? "flow", find = (row, id) => row.figures.find((f) => f.kpi === id);
  const rows = b && b.rows.length ? {
    columns: [name.charAt(0).toUpperCase() + name.slice(1), ...ids.map((id) => ({ numeric: true, label: model.definitions.get(id)?.name ?? id, content: term(model, id) }))],
    rows: b.rows.map((r) => [seriesName(by, r.series), ...ids.map((id) => ({ content: shown(model, find(r, id)) }))]),
    csvColumns: [by, "kpi", "event", "window", "at_ms", "value", "why", "unit", "currency", "numerator", "denominator"],
    csvRows: b.rows.flatMap((r) => ids.map((id) => {
      const f = find(r, id);
      return [r.series, id, model.address.event, windowOf(model.address), b.at_ms, f?.value, hasValue(f) ? "" : (f?.why ?? "not available"), f?.unit, f?.currency, f?.numerator, f?.denominator];
    })),
  } : undefined;
  const choose = html`<label class="choose">by <select @change=${(e) => model.go(link(model.address, { by: e.target.value }))}>${choices.map(([id, text]) => html`<option value=${id} ?selected=${id === by}>${text}</option>`)}</select></label>`;
  return panel(model, {
    id: "breakdown", wide: true, plain: true, title: html`Side by side ${choose}`, table: rows,
    note: b?.title ? html`<b class="caution">${b.title.charAt(0).toUpperCase() + b.title.slice(1)}</b>` : b?.folded ? "There was no room for all of them: the rest is in “other”" : "",
    content: rows ? table(model, rows, `Figures by ${name}`) : html`<p class="empty">${b ? `Nothing was counted by ${name} in this time range.` : "Reading …"}</p>`,
  });
}

const seriesNames = { one_click: "One-click", standard: "Standard", none: "none given", other: "other (no room for more)" };
const seriesName = (by, series) => (by === "hour" ? `${series}:00` : by === "event" || by === "channel" ? (series === "other" ? seriesNames.other : series) : (seriesNames[series] ?? series.charAt(0).toUpperCase() + series.slice(1).replaceAll("_", " ")));
