// What several views are made of.
import { html, nothing, svg } from "lit-html";
import { classMap } from "lit-html/directives/class-map.js";
import { hasValue, interval, of, value, whyLong } from "./format.js";
import { link } from "./address.js";

const shapes = {
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 20 20", pause: "M9 5v14M15 5v14", play: "M8 5v14l11-7Z", close: "M6 6l12 12M18 6 6 18",
  theme: "M12 4a8 8 0 1 0 0 16ZM12 4a8 8 0 0 1 0 16", help: "M9 9.5a3 3 0 1 1 4.2 2.7c-.8.4-1.2 1-1.2 1.8v.5M12 17.5v.5", list: "M4 7h16M4 12h16M4 17h10",
  table: "M4 5h16v14H4ZM4 10h16M10 10v9", chart: "M4 19h16M7 16v-5M12 16V7M17 16v-8", copy: "M9 9h10v11H9ZM15 9V4H5v11h4", terminal: "M5 7l4 5-4 5M12 17h7", done: "M5 12.5 10 17 19 7",
};

export const icon = (name) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${shapes[name]}></path></svg>`;

export const go = (model, change, content, more = {}) => html`<a class=${more.class ?? ""} href=${link(model.address, change)} data-go aria-current=${more.current ? "page" : nothing}>${content}</a>`;

// term is the name of a KPI, which opens its definition.
export function term(model, id, name) {
  const text = name ?? model.definition(id)?.name ?? id;
  return html`<button type="button" class="term" @click=${() => model.define(id)} title="What this means">${text}</button>`;
}

export const missing = (f) => html`<span class="missing" title=${whyLong(f)}>${f?.why || "not available"}</span>`;

// shown is the value of a figure, or why it has none; "so far" where it may still change.
export const shown = (model, f, so = true) => (hasValue(f) ? html`${value(f, model.zone)}${so && f.so_far ? html` <span class="sofar" title="Some of these buyers have not had their time yet: it may still change.">so far</span>` : nothing}` : missing(f));

// rows of a table about figures, as people read them and as programs do.
export function figureTable(model, ids, names = {}) {
  const all = ids.map((id) => [id, model.figure(id)]);
  return {
    columns: ["Figure", { label: "Value", numeric: true }, { label: "Made of", numeric: true }, { label: "95 % between", numeric: true }],
    rows: all.map(([id, f]) => [{ text: names[id] ?? model.definition(id)?.name ?? id, id }, { content: shown(model, f) }, of(f) || "–", interval(f) || "–"]),
    csvColumns: ["kpi", "event", "window", "at_ms", "value", "why", "unit", "currency", "numerator", "denominator", "low", "high", "relative_error_max", "mature", "so_far"],
    csvRows: all.map(([id, f]) => [
      id, model.address.event, model.window, model.answer?.at_ms, f?.value, hasValue(f) ? "" : (f?.why ?? "not available"), f?.unit, f?.currency, f?.numerator, f?.denominator, f?.low, f?.high,
      f?.relative_error_max || 0, f?.mature, f?.so_far ? "true" : "false",
    ]),
  };
}

export function table(model, t, caption) {
  const numeric = t.columns.map((c) => c.numeric === true);
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}><table><caption class="away">${caption}</caption>
    <thead><tr>${t.columns.map((c) => html`<th scope="col" class=${c.numeric ? "n" : ""}>${c.content ?? c.label ?? c}</th>`)}</tr></thead>
    <tbody>${t.rows.map((row) => html`<tr>${row.map((c, i) => {
      const content = c?.id ? term(model, c.id, c.text) : (c?.content ?? c?.text ?? c);
      return i ? html`<td class=${numeric[i] ? "n" : ""}>${content}</td>` : html`<th scope="row">${content}</th>`;
    })}</tr>`)}</tbody></table></div>`;
}

// panel is a card with a heading. What it draws can be read as a table, and taken away as CSV.
export function panel(model, { id, title, note, content, table: rows, wide, plain }) {
  const asTable = rows && model.tables.has(id);
  return html`<section class=${classMap({ panel: true, wide: !!wide })} aria-labelledby=${"h-" + id} id=${id}>
    <header><div class="heading"><h2 id=${"h-" + id}>${title}</h2>${note ? html`<p class="note">${note}</p>` : nothing}</div>
      ${rows ? html`<div class="tools">
        ${plain ? nothing : html`<button type="button" class="tool" aria-pressed=${asTable ? "true" : "false"} @click=${() => model.toggleTable(id)} title="Show as a table" aria-label=${`${title}: show as a table`}>${icon(asTable ? "chart" : "table")}</button>`}
        <button type="button" class="tool" @click=${() => model.copyTable(id, title, rows)} title="Copy as CSV" aria-label=${`${title}: copy as CSV`}>${icon(model.copied === id ? "done" : "copy")}</button></div>` : nothing}
    </header>
    ${asTable ? table(model, rows, title) : content}
  </section>`;
}

// bullet is a value on a scale from 0 to twice its target.
export function bullet(v, target) {
  return svg`<svg class="bullet" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="10" class="back"></rect>
    <rect width=${Math.min(100, (v / target) * 50)} height="10" class="fore"></rect><rect x="49.5" width="1" height="10" class="mark"></rect></svg>`;
}

// facts are names with values, one a line. "So far" is said of the first of them only.
export const facts = (model, lines) => html`<dl class="facts">${lines.map(({ id, name, text, strong }) => html`<div class=${strong ? "strong" : ""}>
  <dt>${id ? term(model, id, name) : name}</dt><dd>${id && text === undefined ? shown(model, model.figure(id), strong === true) : text}</dd></div>`)}</dl>`;
