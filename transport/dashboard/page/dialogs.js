// What opens over the page: a definition, the commands, the keys, a text to copy.
import { html, nothing } from "lit-html";
import { hasValue, interval, of, share, value, whyLong } from "./format.js";
import { icon } from "./parts.js";
import commands from "./commands.json";

export const keys = [
  ["?", "These keys"], ["/", "Search the events"], ["1 2", "Product view, on-sale view"], ["[ ]", "Shorter or longer time range"], ["j k", "Next or previous event"], ["a", "All events"],
  ["p", "Pause, go on"], ["t", "Light or dark"], ["x", "Commands to copy"], ["Esc", "Close what is open"],
];

export const dialogs = (model) => html`
  <dialog id="dialog" aria-labelledby="dialog-title" @close=${() => model.closed()} @click=${(e) => e.target === e.currentTarget && e.currentTarget.close()}>
    <div class="sheet">${model.dialog ? html`<header><h2 id="dialog-title">${titles[model.dialog.kind](model)}</h2>
      <button type="button" class="tool" @click=${() => document.getElementById("dialog").close()} aria-label="Close">${icon("close")}</button></header>${bodies[model.dialog.kind](model)}` : nothing}</div>
  </dialog>`;

const titles = {
  definition: (model) => model.definition(model.dialog.id)?.name ?? model.dialog.id, commands: () => "Commands", keys: () => "Keys", text: (model) => model.dialog.title,
};

const bodies = {
  definition(model) {
    const { id } = model.dialog, d = model.definition(id), f = model.figure(id), b = model.baselineFigure(id);
    const line = (name, text) => (text ? html`<div><dt>${name}</dt><dd>${text}</dd></div>` : nothing);
    return html`<dl class="definition">
      ${line("Now", hasValue(f) ? value(f, model.zone) + (f.so_far ? ", so far" : "") : `${f?.why ?? "not available"}. ${whyLong(f)}`)}
      ${line("Made of", of(f))}${line("95 % between", interval(f))}${line("Mature", f?.mature != null ? share(f.mature) : "")}
      ${line("Exact to", f?.relative_error_max ? `${share(f.relative_error_max)} of it` : "")}
      ${line("Baseline", b && hasValue(b) ? `${value(b)}, of ${model.baselineEvent}. Before and after, not causal.` : "")}
      ${d ? html`${line("Formula", d.formula)}${line("From", d.facts)}${line("Counted", d.population)}${line("Time range", d.windows)}${line("Mind", d.edges)}` : line("Definition", "This engine does not measure it.")}
      ${line("Id", html`<code>${id}</code>`)}</dl>`;
  },
  commands(model) {
    const event = model.address.event;
    return html`<p class="detail">This page changes nothing. Run these where the engine's commands may be run${event ? "" : "; choose an event to have its id filled in"}.</p>
      <ul class="commands">${commands.map(({ does, run }) => {
        const text = event ? run.replace("EVENT", event) : run;
        return html`<li><span>${does}</span><div><code>${text}</code><button type="button" class="tool" aria-label=${"Copy: " + does} @click=${() => model.copyText(text, does)}>${icon(model.copied === text ? "done" : "copy")}</button></div></li>`;
      })}</ul>`;
  },
  keys: (model) => html`<dl class="keys">${keys.map(([key, does]) => html`<div><dt>${key.split(" ").map((k) => html`<kbd>${k}</kbd>`)}</dt><dd>${does}</dd></div>`)}</dl>
    <label class="check"><input type="checkbox" .checked=${model.keysOn} @change=${(e) => model.setKeys(e.target.checked)}> Single keys do something (Tab, Enter and Esc always do)</label>
    <p class="detail">Click a name to read how its figure is defined. Drag over a chart to look closer, double-click to see all again. <a href="licences.txt">Licences</a></p>`,
  text: (model) => html`<p class="detail">This browser lets no page write into the clipboard that came without TLS: copy it from here.</p><textarea readonly rows="12" aria-label=${model.dialog.title}>${model.dialog.text}</textarea>`,
};
