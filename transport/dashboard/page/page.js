// The frame of the page: list, bar, notice, sentence, and one of two views.
import { html, nothing } from "lit-html";
import { clock, duration, zoneName } from "./format.js";
import { go, icon } from "./parts.js";
import { link, windows } from "./address.js";
import { dialogs } from "./dialogs.js";
import { product } from "./product.js";
import { sale } from "./sale.js";
import { say } from "./sentence.js";
import { side, stateWord } from "./side.js";
import { staleMs } from "./constants.js";

export const page = (model) => html`<a class="skip" href="#main">Skip to the figures</a>
  <div class="frame">${side(model)}
    <div class="body" ?inert=${model.listOpen}>
      ${bar(model)}
      <main id="main" tabindex="-1" class=${model.dimmed() ? "dimmed" : ""}>${notice(model)}${head(model)}${model.answer ? (model.address.view === "sale" ? sale(model) : product(model)) : model.unknown ? nothing : html`<p class="first">${model.problem || "Reading the figures …"}</p>`}</main>
      <footer>Times in ${zoneName(model.zone)}${model.state?.version ? ` · engine ${model.state.version}` : ""} · <a href="licences.txt">Licences</a></footer>
    </div></div>
  <p class="away" role="status" aria-live="polite" id="spoken">${model.spoken}</p>
  ${dialogs(model)}`;

function bar(model) {
  return html`<header class="bar">
    <button type="button" class="which only-phone" @click=${() => model.showList(true)} aria-expanded=${model.listOpen ? "true" : "false"} aria-controls="side">${icon("list")}<span>${model.title()}</span></button>
    <nav class="tabs" aria-label="Views">${[["product", "Product"], ["sale", "On sale"]].map(([view, name]) => go(model, { view }, name, { current: model.address.view === view }))}</nav>
    <fieldset class="segments"><legend class="away">Time range</legend>${windows.map(([id, name]) => html`<label><input type="radio" name="window" value=${id} .checked=${model.window === id}
      @change=${() => model.go(link(model.address, { window: id }))}><span>${name}</span></label>`)}</fieldset>
    <label class="range only-phone choose"><span class="away">Time range</span><select @change=${(e) => model.go(link(model.address, { window: e.target.value }))}>
      ${windows.map(([id, name]) => html`<option value=${id} ?selected=${id === model.window}>${name}</option>`)}</select></label>
    <div class="status">${pulse(model)}
      <button type="button" class="tool" id="pause" aria-pressed=${model.paused ? "true" : "false"} @click=${() => model.pause()} title=${model.paused ? "Go on (p)" : "Pause (p)"} aria-label=${model.paused ? "Go on" : "Pause"}>${icon(model.paused ? "play" : "pause")}</button>
      <button type="button" class="tool" id="theme" @click=${() => model.switchTheme()} title="Light or dark (t)" aria-label="Light or dark">${icon("theme")}</button>
      <button type="button" class="tool" id="help" @click=${() => model.open({ kind: "keys" })} title="Keys (?)" aria-label="Keys and help">${icon("help")}</button></div>
  </header>`;
}

// pulse is how alive the page is, in a word.
function pulse(model) {
  const age = model.ageMs();
  const [tone, word] = model.paused ? ["warn", "Paused"] : model.unknown ? ["warn", "Waiting"] : model.link === "lost" ? ["bad", "Offline"] : age === undefined ? ["quiet", "Starting"] : age > staleMs ? ["warn", `${duration(age)} old`] : ["good", "Live"];
  return html`<span class="pulse"><i class=${"dot " + tone}></i><span>${word}</span></span>`;
}

// notice is what a reader has to know before believing anything below it.
function notice(model) {
  const [tone, text] = model.noticeText();
  return text ? html`<div class=${"notice " + tone} id="notice"><p>${text}</p>${model.reloadable ? html`<button type="button" @click=${() => location.reload()}>Load it</button>` : model.paused ? html`<button type="button" @click=${() => model.pause()}>Go on</button>` : nothing}</div>` : nothing;
}

function head(model) {
  const { tone, parts } = say(model), e = model.address.event ? model.answer?.event : undefined;
  const about = e ? [stateWord(e), e.on_sale_ms ? `first on sale ${model.moment(e.on_sale_ms)}` : "", e.currency] : [model.address.event ? "" : (model.state?.accounts?.length ?? 0) > 1 ? `Everything that account ${model.account()} sells` : "Everything that this engine sells"], more = e ? [e.genre, e.id].filter(Boolean) : [];
  return html`<div class="head"><div class="title"><h1>${model.title()}</h1><p class="about">${about.filter(Boolean).join(" · ")}<span class="wide-only">${more.map((m) => " · " + m)}</span></p>
      <button type="button" class="button" id="commands" @click=${() => model.open({ kind: "commands" })}>${icon("terminal")}Commands</button></div>
    <p class=${"sentence " + tone} id="sentence">${parts.map((p, i) => html`<span class=${i ? "" : "lead-word"}>${p}</span> `)}</p></div>`;
}

export const lostText = (model, seconds) => `The connection to the engine is gone. ${seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again now."}${model.heardWallMs ? ` What you see is from ${clock(model.heardWallMs, model.zone)}.` : ""}`;
