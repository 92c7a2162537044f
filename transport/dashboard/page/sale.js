// What an operator watches while tickets are sold.
import { html, nothing } from "lit-html";
import { age, clock, count, decimal, duration, hasValue, instant, moment, named, share, value } from "./format.js";
import { bullet, facts, figureTable, missing, panel, shown, term } from "./parts.js";
import { targetMs } from "./constants.js";
import { lineOnSale } from "./line.js";
import { markersIn, stepWords, steps } from "./chart.js";

export const sale = (model) => html`
  ${health(model)}
  ${lineOnSale(model)}
  <div class="grid">${tickets(model)}${lanes(model)}</div>
  <div class="grid">${refusals(model)}${latency(model)}</div>
  ${alerts(model)}
  <div class="grid">${courses(model, { id: "sold", title: "Orders and holds", kpis: [["orders", "--sold"], ["holds", "--held"]] })}
  ${courses(model, { id: "refused", title: "Views and refusals", kpis: [["views", "--sold"], ["refusals", "--paying"]] })}</div>
  ${moments(model)}`;

function health(model) {
  const s = model.state, lag = model.ageMs(), queued = (s?.lanes ?? []).reduce((sum, l) => sum + l.waiting, 0), rate = model.figure("throughput.orders"), peak = model.figure("throughput.orders_peak_1s");
  const alarms = s?.alarms?.length ?? 0;
  const cells = [
    ["Engine", s ? (s.ready ? html`<span class="is-good">Ready</span>` : html`<span class="is-bad">Not ready</span>`) : missing(), s ? (s.ready ? `since ${moment(s.started_at_ms, model.zone)}` : (s.why ?? "")) : "it has not said yet"],
    ["Alerts", s ? (alarms ? html`<span class="is-bad">${count(alarms)}</span>` : "None") : missing(), alarms ? s.alarms[0].text : "nothing asks for an operator"],
    ["Figures behind", age(lag), "what is durable and not counted yet"],
    [term(model, "throughput.orders", "Orders a second"), shown(model, rate), hasValue(peak) ? `peak ${decimal(peak.value, 0)} in one second` : "\u00a0"],
    ["Waiting to pay", s ? count(queued) : missing(), longest(s?.lanes)],
  ];
  return html`<section class="trust five" aria-label="Health">${cells.map(([name, text, detail]) => html`<div><h2>${name}</h2><p class="mid">${text}</p><p class="detail">${detail}</p></div>`)}</section>`;
}

function longest(all = []) {
  if (!all.length) return "no payment lane";
  const wait = Math.max(...all.map((l) => l.eta_ms));
  return wait ? `a new one waits ${duration(wait)}` : "a new one is next";
}

const states = [["sold", "Sold"], ["paying", "Being paid"], ["held", "Held"], ["free", "Free"], ["blocked", "Blocked"]];

function tickets(model) {
  const list = model.address.event ? [model.answer?.event].filter(Boolean) : (model.everything ?? []);
  const sum = (key) => list.reduce((total, e) => total + (e[key] ?? 0), 0), all = states.reduce((total, [key]) => total + sum(key), 0);
  const part = (key) => (all ? sum(key) / all : 0);
  const content = !list.length ? html`<p class="empty">Nothing is known of its tickets yet.</p>` : !all ? html`<p class="empty">It has no tickets of its own: it sells elsewhere and is only observed.</p>`
    : html`<div class="stack" role="img" aria-label=${states.map(([key, name]) => `${name} ${count(sum(key))}`).join(", ")}>${states.filter(([key]) => sum(key) > 0).map(([key]) => html`<i class=${key} .style=${`width:${(part(key) * 100).toFixed(3)}%`}></i>`)}</div>
    <dl class="legend">${states.map(([key, name]) => html`<div class=${key}><dt>${name}</dt><dd>${count(sum(key))} <span>${share(part(key))}</span></dd></div>`)}</dl>
    ${facts(model, [{ id: "sold_out.sell_through", name: "Sell-through, without blocked" }, { id: "sold_out.first_empty", name: "First had nothing free" }, { id: "sold_out.at", name: "Sold out" }])}`;
  return panel(model, {
    id: "tickets", title: "Tickets", content,
    table: { columns: ["State", { label: "Tickets", numeric: true }, { label: "Share", numeric: true }], rows: states.map(([key, name]) => [name, { text: count(sum(key)), raw: sum(key) }, { text: share(part(key)), raw: part(key) }]) },
  });
}

function lanes(model) {
  const all = model.state?.lanes ?? [];
  const content = html`${!all.length ? html`<p class="empty">${model.state ? "No payment gateway is set up, so there is no lane." : "The engine has not said yet."}</p>` : html`<ul class="lanes">${all.map((l) => html`<li>
      <div class="step"><b>${l.gateway}</b>${l.breaker_open ? html`<span class="tag bad">does not answer</span>` : l.effective_per_s < l.rate_per_s ? html`<span class="tag warn">limited</span>` : html`<span class="tag good">flowing</span>`}</div>
      <p class="eta">${l.waiting ? html`<b>${count(l.waiting)}</b> wait, a new one for <b>${duration(l.eta_ms)}</b>` : html`Nobody waits`}</p>
      <p class="detail">${decimal(l.effective_per_s)} of ${decimal(l.rate_per_s)} calls/s · ${count(l.in_flight)} under way${l.unknown ? html` · <span class="is-bad">${count(l.unknown)} unknown</span>` : nothing}</p></li>`)}</ul>`}
    ${model.address.event && !model.line ? html`<p class="detail rule">No line: whoever comes first is served first.</p>` : nothing}`;
  return panel(model, {
    id: "lanes", title: "Payment lanes", content,
    table: all.length ? {
      columns: ["Gateway", ...["Wait", "ETA", "Calls/s", "Set to", "Under way", "Unknown"].map((label) => ({ label, numeric: true })), "State"],
      rows: all.map((l) => [l.gateway, l.waiting, { text: duration(l.eta_ms), raw: l.eta_ms }, l.effective_per_s, l.rate_per_s, l.in_flight, l.unknown, l.breaker_open ? "does not answer" : "answers"]),
    } : undefined,
  });
}

function refusals(model) {
  const list = model.address.event ? [model.answer?.event].filter(Boolean) : (model.everything ?? []), causes = new Map();
  for (const e of list) for (const [code, n] of Object.entries(e.refusals ?? {})) causes.set(code, (causes.get(code) ?? 0) + n);
  const rows = [...causes].sort((a, b) => b[1] - a[1]), most = Math.max(1, ...rows.map(([, n]) => n)), total = rows.reduce((sum, [, n]) => sum + n, 0);
  return panel(model, {
    id: "refusals", title: "Refusals by cause", note: "since the sale began",
    content: !rows.length ? html`<p class="empty">Nobody was refused.</p>` : html`<ol class="bars">${rows.slice(0, 8).map(([code, n]) => html`<li><div class="step">${named(code)}<b>${count(n)}</b></div><div class="track"><i .style=${`width:${((n / most) * 100).toFixed(2)}%`}></i></div></li>`)}</ol>
      ${rows.length > 8 ? html`<p class="detail">and ${count(rows.length - 8)} rarer causes: see the table</p>` : nothing}`,
    table: rows.length ? { columns: ["Cause", { label: "Refusals", numeric: true }, { label: "Share", numeric: true }], rows: rows.map(([code, n]) => [{ text: named(code), raw: code }, { text: count(n), raw: n }, { text: share(n / total), raw: n / total }]) } : undefined,
  });
}

const speeds = [["l1", "Click to result, seen by the buyer"], ["l2", "Engine, receipt to durable reply"], ["lane", "Lane"], ["gateway", "Gateway"], ["commit", "Commit"], ["authentication", "Buyer authenticates"]];

function latency(model) {
  const all = speeds.map(([id, name]) => ({ id: "latency." + id, name, p: ["p50", "p95", "p99"].map((p) => model.figure(`latency.${id}.${p}`)) }));
  const within = model.figure("latency.confirmed_2s"), p95 = model.figure("latency.l1.p95");
  const content = html`<p class="lead"><span class="label">${term(model, "latency.confirmed_2s", `Confirmed within ${duration(targetMs)}`)}</span><span class=${hasValue(within) ? "big" : "big none"}>${shown(model, within)}</span></p>
    ${hasValue(within) ? html`<p class="detail">of the one-click clicks had an order by then: those that were refused or declined count as not</p>` : nothing}
    ${hasValue(p95) ? html`<div class=${p95.value > targetMs ? "target missed" : "target"}><span>p95 ${duration(p95.value)}, target ${duration(targetMs)}</span>${bullet(p95.value, targetMs)}</div>` : nothing}
    <table class="speeds"><caption class="away">Latency by stage</caption><thead><tr><th scope="col">Stage</th><th scope="col" class="n">p50</th><th scope="col" class="n">p95</th><th scope="col" class="n">p99</th></tr></thead>
    <tbody>${all.map((s) => html`<tr><th scope="row">${term(model, s.id + ".p95", s.name)}</th>${s.p.some(hasValue) ? s.p.map((f) => html`<td class=${"n" + (s.id === "latency.l1" && hasValue(f) && f.value > targetMs ? " is-bad" : "")}>${shown(model, f)}</td>`) : html`<td class="n" colspan="3">${missing(s.p[1])}</td>`}</tr>`)}</tbody></table>`;
  return panel(model, { id: "latency", title: "Latency", note: `target ${duration(targetMs)} from click to result`, content, table: figureTable(model, ["latency.confirmed_2s", ...all.flatMap((s) => ["p50", "p95", "p99"].map((p) => s.id + "." + p))]) });
}

function alerts(model) {
  const all = model.state?.alarms ?? [];
  if (!all.length) return nothing; // the health strip says so
  return panel(model, {
    id: "alerts", title: "Alerts", wide: true, content: html`<ul class="alerts">${all.map((a) => html`<li><span class="tag bad">${named(a.kind)}</span> ${a.text}</li>`)}</ul>`,
    table: { columns: ["Kind", "What"], rows: all.map((a) => [a.kind, a.text]) },
  });
}

function courses(model, { id, title, kpis }) {
  const given = model.answer?.courses ?? {}, s = steps(kpis.map(([kpi]) => ({ points: given[kpi] })), model.answer?.at_ms ?? 0), markers = markersIn(model.answer?.markers ?? [], s.times);
  const names = kpis.map(([kpi]) => model.definitions.get(kpi)?.name ?? named(kpi));
  const data = { steps: s, markers, zone: model.zone, theme: model.theme(), series: kpis.map(([, colour], i) => ({ label: names[i], colour, fill: i === 0 })) };
  return panel(model, {
    id, title, note: s.times.length ? stepWords(s.stepMs) : "",
    content: s.times.length > 1 ? html`<time-course .data=${data} role="img" aria-label=${`${title}, ${stepWords(s.stepMs)}: the table says the same`}></time-course>` : html`<p class="empty">No course to draw yet: two full steps of time are needed.</p>`,
    table: s.times.length ? {
      columns: ["Time", ...names.map((label) => ({ label, numeric: true }))], rows: s.times.map((t, i) => [clock(t, model.zone), ...s.columns.map((c) => (c[i] == null ? "no value" : count(c[i])))]).reverse(),
      csvColumns: ["at_ms", ...kpis.map(([kpi]) => kpi)], csvRows: s.times.map((t, i) => [t, ...s.columns.map((c) => c[i])]),
    } : undefined,
  });
}

const kinds = { on_sale: "On sale", pause: "Paused", paused: "Paused", open: "On sale", close: "Closed" };

// moments are the lines in the charts, in words.
function moments(model) {
  const all = model.answer?.markers ?? [], s = steps(["orders", "holds", "views", "refusals"].map((k) => ({ points: model.answer?.courses?.[k] })), model.answer?.at_ms ?? 0), drawn = markersIn(all, s.times);
  return panel(model, {
    id: "moments", title: "What was changed", wide: true, note: "the numbers are those in the charts",
    content: !all.length ? html`<p class="empty">No pause, switch, rollout or change of capacity in this time range.</p>` : html`<ol class="moments">${all.map((m) => html`<li><span class="badge">${drawn.indexOf(m) + 1 || "–"}</span><time>${instant(m.at_ms, model.zone)}</time><b>${kinds[m.kind] ?? named(m.kind)}</b><span>${m.text}</span></li>`).reverse()}</ol>`,
    table: all.length ? { columns: ["Time", "Kind", "What"], rows: all.map((m) => [{ text: instant(m.at_ms, model.zone), raw: m.at_ms }, m.kind, m.text]) } : undefined,
  });
}
