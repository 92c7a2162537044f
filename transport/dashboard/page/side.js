// The list of events: where somebody looks for one.
import { html, nothing } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import { live } from "lit-html/directives/live.js";
import { count, named, whole } from "./format.js";
import { go, icon } from "./parts.js";
import { link } from "./address.js";

const tones = { on_sale: "good", paused: "warn" };
export const stateWord = (e) => (e.observe ? "Observed" : e.state === "on_sale" && e.sellable > 0 && e.free <= 0 && !e.held && !e.paying ? "Sold out" : named(e.state));

export const side = (model) => html`<aside class=${model.listOpen ? "side open" : "side"} id="side" aria-label="Events">
  <div class="brand"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8"></rect><path d="M9 8v16M23 8v16M9 16h14"></path></svg>Holdfast
    <button type="button" class="tool only-phone" @click=${() => model.showList(false)} aria-label="Close the list">${icon("close")}</button></div>
  ${(model.state?.accounts?.length ?? 0) > 1 ? html`<label class="choose">Account <select @change=${(e) => model.go(link(model.address, { account: e.target.value, event: "" }))}>
    ${model.state.accounts.map((a) => html`<option ?selected=${a === model.account()}>${a}</option>`)}</select></label>` : nothing}
  <label class="search">${icon("search")}<span class="away">Search the events</span><input id="search" type="search" placeholder="Search events" autocomplete="off" spellcheck="false" maxlength="100"
    .value=${live(model.search)} @input=${(e) => model.searchFor(e.target.value)} @keydown=${(e) => searchKeys(model, e)}></label>
  <nav aria-label="Events"><ul class="events">
    ${model.search ? nothing : html`<li>${go(model, { event: "" }, html`<span class="name">All events</span><span class="sub">${model.everythingTotal ? `${count(model.everythingTotal)} in all` : ""}</span>`, { current: !model.address.event })}</li>`}
    ${repeat(model.events ?? [], (e) => e.id, (e) => html`<li>${go(model, { event: e.id }, html`<span class="name">${e.name || e.id}</span>
      <span class="sub"><i class=${"dot " + (tones[e.state] ?? "quiet")}></i>${stateWord(e)}${e.sellable > 0 ? html`<b>${whole(e.sold / e.sellable)} sold</b>` : nothing}</span>
      ${e.sellable > 0 ? html`<span class="meter"><i .style=${`width:${((e.sold / e.sellable) * 100).toFixed(1)}%`}></i></span>` : nothing}`, { current: e.id === model.address.event })}</li>`)}
  </ul>
  ${model.events && !model.events.length ? html`<p class="empty">${model.search ? `No event has “${model.search}” in its name or id.` : "There is no event yet. Create one with engine event create."}</p>` : nothing}
  ${model.eventsTotal > (model.events?.length ?? 0) ? html`<p class="empty">${count(model.events.length)} of ${count(model.eventsTotal)}: search for the others.</p>` : nothing}</nav>
</aside>`;

function searchKeys(model, e) {
  if (e.key === "Enter" && model.events?.length) {
    model.go(link(model.address, { event: model.events[0].id }));
    model.showList(false);
  } else if (e.key === "Escape") {
    if (!model.search) model.showList(false);
    model.searchFor("");
    e.target.blur();
  }
}
