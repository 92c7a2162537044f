// The line of an event: who waits, who is inside and why so many, what those who wait may hope for, and how fair it was.
import { html, nothing, svg } from "lit-html";
import { clockShort, count, day, duration, hasValue, interval, named, share, short, whole } from "./format.js";
import { facts, figureTable, icon, missing, panel, shown, term } from "./parts.js";

// The two views show what fits them: who runs a sale wants to know why nobody comes in, who answers for it whether it was fair.
export function lineOnSale(model) {
  if (!model.line) return nothing;
  const serving = model.line.phase === "serving", served = serving || model.line.phase === "over", several = served && model.line.tracks?.length > 1;
  return html`${standing(model)}
    ${serving ? html`<div class="grid">${shoppers(model)}${chances(model)}</div>` : nothing}
    <div class="grid"><div class="column">${served ? fairness(model) : nothing}${served && !several ? nothing : draw(model)}</div><div class="column">${several ? tracks(model) : nothing}${waiters(model)}${served && !several ? draw(model) : nothing}</div></div>`;
}

export function lineProduct(model) {
  if (!model.line) return nothing;
  return ["serving", "over"].includes(model.line.phase) ? html`<div class="grid">${standing(model, true)}${fairness(model)}</div>` : standing(model, true);
}

// lineSentence says in a sentence what the line does.
export function lineSentence(model, l) {
  const at = l.opens_at_ms ? ` at ${day(l.opens_at_ms, model.zone) === day(l.at_ms, model.zone) ? "" : day(l.opens_at_ms, model.zone) + ", "}${clockShort(l.opens_at_ms, model.zone)}` : " when the event opens";
  switch (l.phase) {
    case "none": return "The line is ordered, and its lobby has not opened yet.";
    case "lobby": return `The lobby is open: ${people(l.entries)} in. The draw is${at}.`;
    case "closed": return `The lobby is closed with ${count(l.entries)} entries. ${l.draw_value && !l.value ? "The draw waits for its public value: engine line draw gives it." : "The seed is about to be shown."}`;
    case "drawing": return `${count(l.entries)} entries are being drawn.`;
    case "over": return `The line is over${l.served ? `: place ${count(l.served)} of ${count(l.joined)} was the last to be served` : ""}.`;
  }
  if (l.mode === "open") return `The line stands still: whoever comes may buy. ${count(l.waiting)} keep their places.`;
  if (!l.waiting && !l.skipped) return l.served ? "Nobody waits: whoever comes is next." : "The line is open, and nobody has come yet.";
  return `Serving: place ${count(l.served ?? 0)} of ${count(l.joined)}, ${count(l.rate)} a minute; ${lasts(l)}`;
}

const people = (n) => (n === 1 ? "1 is" : `${count(n)} are`);

function lasts(l) {
  if (!l.room?.free) return "nothing is free now.";
  if (!l.lasts_to) return "there are tickets for all who wait.";
  return l.lasts_to <= (l.served ?? 0) ? "hardly anybody who still waits will find one." : `at this rate tickets last to about place ${count(l.lasts_to)}.`;
}

const states = [["spent", "Ordered"], ["admitted", "Shopping"], ["skipped", "Skipped"], ["waiting", "Waiting"], ["lapsed", "Lapsed"], ["gone", "Gone"], ["left", "Left"]];

// standing is what the line does, and where its people are.
function standing(model, brief) {
  const l = model.line, n = (key) => l[key] ?? 0, all = states.reduce((sum, [key]) => sum + n(key), 0);
  const named = l.phase === "serving" ? states : states.filter(([key]) => n(key) > 0);
  const content = html`<p class="phase" id="phase">${lineSentence(model, l)}</p>
    ${all ? html`<div class="stack" role="img" aria-label=${states.map(([key, name]) => `${name} ${count(n(key))}`).join(", ")}>${states.filter(([key]) => n(key) > 0).map(([key]) => html`<i class=${"in-" + key} .style=${`width:${((n(key) / all) * 100).toFixed(3)}%`}></i>`)}</div>` : nothing}
    <dl class=${l.phase === "serving" ? "legend seven" : "legend few"}>${named.map(([key, name]) => html`<div class=${"in-" + key}><dt>${term(model, "line." + key, name)}</dt><dd>${count(n(key))} ${all ? html`<span>${share(n(key) / all)}</span>` : nothing}</dd></div>`)}</dl>
    ${brief ? nothing : html`<div class="across">${facts(model, [{ id: "line.joined", name: "Joined in all" }, { id: "line.served", name: "Served up to place" }, { id: "line.rate", name: "Passes in the last minute" }])}</div>`}`;
  return panel(model, { id: "line", title: "Line", wide: !brief, note: brief ? "" : "one place a buyer, and one for all who are linked", content, table: figureTable(model, ["line.joined", ...states.map(([key]) => "line." + key), "line.served", "line.rate"]) });
}

const bounds = { stock: ["line.by_stock", "By stock"], lane: ["line.by_lane", "By the payment lane"], max: ["line.by_max", "By the maximum"] };

// shoppers is why so many may shop, and no more.
function shoppers(model) {
  const l = model.line, r = l.room, grant = model.figure("line.grant");
  const most = Math.max(1, ...Object.values(bounds).map(([id]) => model.figure(id)?.value ?? 0));
  const content = html`<p class="lead"><span class="label">${term(model, "line.grant")}</span><span class=${hasValue(grant) ? "big" : "big none"}>${shown(model, grant)}</span><span class="label">${why(l)}</span></p>
    <ol class="bars">${Object.entries(bounds).map(([key, [id, name]]) => {
      const f = model.figure(id);
      return html`<li><div class="step"><span>${term(model, id, name)}${r?.bound === key && !r.grant ? html` <span class="tag warn">binds</span>` : nothing}</span><b>${shown(model, f)}</b></div>
        <div class="track">${hasValue(f) && f.value ? html`<i .style=${`width:${((f.value / most) * 100).toFixed(2)}%`}></i>` : nothing}</div></li>`;
    })}</ol>
    ${facts(model, [{ id: "line.free", name: "Tickets free now" }, { id: "line.supply", name: "Tickets to be had" }, { id: "line.promised", name: "Tickets expected to be taken" }])}`;
  return panel(model, { id: "shoppers", title: "How many may shop", note: "as many as there is something for", content, table: figureTable(model, ["line.grant", ...Object.values(bounds).map(([id]) => id), "line.free", "line.supply", "line.promised", "line.admitted"]) });
}

// why says what keeps the number from being larger.
function why(l) {
  const r = l.room;
  if (!r) return "";
  if (!r.free) return "Nothing is free: who came in would find nothing.";
  if (r.grant > 0) return l.waiting ? "They are let in as this is drawn." : "Nobody waits for it.";
  return { stock: "What is left is for those who are inside.", lane: "The payment lane is busy with those who are inside.", max: "As many are inside as the organiser allows." }[r.bound] ?? "";
}

const tones = { likely: "good", unlikely: "warn", sold_out: "bad" };
const words = { likely: "likely", unlikely: "unlikely", sold_out: "sold out" };

const chance = (percent) => (percent < 1 ? `< ${whole(0.01)}` : whole(percent / 100));
const turn = (ms) => (ms === undefined ? "no pace yet" : ms >= 1000 ? `in ${duration(ms)}` : "next");

// fullest is the track in which most wait: its curve stands for the others'.
const fullest = (l) => l.tracks.reduce((most, t) => (t.waiting > most.waiting ? t : most)).track;

// chances is how likely a ticket is at places behind the served mark.
function chances(model) {
  const main = fullest(model.line), each = model.line.checkpoints, all = each.filter((c) => c.track === main);
  const content = all.length < 2 ? html`<p class="empty">Too few wait for a curve.</p>` : html`${curve(all)}
    <ul class="places">${all.map((c) => html`<li><b>${count(c.place)}</b><span class=${"tag " + tones[c.chance.told]}>${words[c.chance.told]}</span><span>${chance(c.chance.percent)}</span><span class="detail">${turn(c.eta_ms)}</span></li>`)}</ul>`;
  return panel(model, {
    id: "chances", title: "Chance by place", note: `of a ticket in the end, for who stays${model.line.tracks.length > 1 ? `; track ${named(main).toLowerCase()}` : ""}`, content,
    table: each.length ? {
      columns: ["Track", ...["Place", "Before it", "Chance"].map((label) => ({ label, numeric: true })), "Told", { label: "Turn", numeric: true }],
      rows: each.map((c) => [
        { text: named(c.track), raw: c.track }, { text: count(c.place), raw: c.place }, { text: count(c.ahead), raw: c.ahead }, { text: chance(c.chance.percent), raw: c.chance.percent / 100 }, { text: words[c.chance.told], raw: c.chance.told },
        { text: turn(c.eta_ms), raw: c.eta_ms },
      ]),
    } : undefined,
  });
}

// curve draws chances over places, whose scale is logarithmic: the first hundred matter as much as the next ten thousand.
function curve(all) {
  const from = Math.log(all[0].place), to = Math.log(all.at(-1).place), x = (place) => (to > from ? ((Math.log(place) - from) / (to - from)) * 100 : 0), y = (p) => 48 - p * 44;
  const points = all.map((c) => `${x(c.place).toFixed(2)} ${y(c.chance.percent / 100).toFixed(2)}`);
  return html`<div class="curve"><svg viewBox="0 0 100 50" preserveAspectRatio="none" aria-hidden="true">${svg`<path class="half" d="M0 26H100"></path><path class="area" d=${`M0 48L${points.join("L")}L100 48Z`}></path><path class="course" d=${"M" + points.join("L")}></path>`}</svg>
    <p class="ends"><span>place ${short(all[0].place)}</span><span>50 % at the line</span><span>place ${short(all.at(-1).place)}</span></p></div>`;
}

// tracks are the parts of the line: what share each was promised, and what it got.
function tracks(model) {
  const all = model.line.tracks, passes = all.reduce((sum, t) => sum + t.granted, 0), given = (t) => (passes ? t.granted / passes : 0);
  const content = html`<ol class="bars">${all.map((t) => html`<li><div class="step"><span>${named(t.track)}</span><b>${passes ? share(given(t)) : missing({ why: "not yet" })} <span class="soft">of ${share(t.share_bp / 10_000)} promised</span></b></div>
    <div class="track marked"><i .style=${`width:${(given(t) * 100).toFixed(2)}%`}></i><u .style=${`left:${(t.share_bp / 100).toFixed(2)}%`}></u></div>
    <p class="detail">${count(t.waiting)} wait, ${count(t.granted)} passes, served up to place ${count(t.served ?? 0)}</p></li>`)}</ol>`;
  return panel(model, {
    id: "tracks", title: "Tracks", note: "shares of the passes; what nobody wants goes to the others", content,
    table: {
      columns: ["Track", ...["Promised", "Given", "Passes", "Waiting", "Served"].map((label) => ({ label, numeric: true }))],
      rows: all.map((t) => [{ text: named(t.track), raw: t.track }, { text: share(t.share_bp / 10_000), raw: t.share_bp / 10_000 }, passes ? { text: share(given(t)), raw: given(t) } : "not yet", { text: count(t.granted), raw: t.granted }, { text: count(t.waiting), raw: t.waiting }, { text: count(t.served ?? 0), raw: t.served ?? 0 }]),
    },
  });
}

const lists = [["waiting", "Wait"], ["offered", "Have an offer"], ["bought", "Bought"], ["lapsed", "Let the offer pass"], ["released", "Gave the offer back"], ["unpaid", "Could not pay"], ["left", "Left"], ["took", "Took others"], ["unfit", "Wish impossible"]];

// waiters is the waiting list after sell-out.
function waiters(model) {
  const list = model.line.list, any = list && lists.some(([key]) => list[key] > 0);
  return panel(model, {
    id: "waiters", title: "Waiting list", note: "who is served first when tickets come back",
    content: any ? facts(model, lists.filter(([key], i) => i < 3 || list[key] > 0).map(([key, name], i) => ({ id: "line.list." + key, name, strong: i === 0 }))) : html`<p class="empty">Nobody has asked to wait for freed tickets.</p>`,
    table: any ? figureTable(model, lists.map(([key]) => "line.list." + key)) : undefined,
  });
}

// draw is what was published of the draw, from which anybody can recompute it.
function draw(model) {
  const l = model.line, rows = [
    ["commit", "Commit", l.commit, "The lobby has not opened yet."], ["root", "Root", l.root, l.commit ? "Known when the lobby closes." : "No lobby."],
    ...(l.draw_value ? [["value", "Public value", l.value, "Not given yet."]] : []), ["seed", "Seed", l.seed, l.commit ? "Shown after the root." : "No draw."],
  ];
  const content = !l.commit && l.phase === "serving" ? html`<p class="empty">There was no lobby, so nothing was drawn: first come, first served.</p>` : html`<dl class="facts hashes">${rows.map(([id, name, text, otherwise]) => html`<div><dt>${name}</dt><dd>${text ? html`<code title=${text}>${id === "value" ? text : `${text.slice(0, 8)}…${text.slice(-4)}`}</code>
      <button type="button" class="tool" aria-label=${`Copy the ${name.toLowerCase()}`} title="Copy" @click=${() => model.copyText(text, name)}>${icon(model.copied === text ? "done" : "copy")}</button>` : html`<span class="missing">${otherwise}</span>`}</dd></div>`)}</dl>
    <p class="detail rule">${l.seed ? "Anybody can recompute every place: engine line verify does." : "The commit fixes the seed before anybody joins, the root fixes who takes part before the seed is shown."}</p>`;
  return panel(model, { id: "draw", title: "Draw", note: l.entries ? `${count(l.entries)} entries` : "", content });
}

// fairness is whether everybody's turn came when it should.
function fairness(model) {
  const overtaken = model.figure("line.fair.overtaken"), difference = model.figure("line.fair.difference");
  const content = html`<p class="lead"><span class="label">${term(model, "line.fair.overtaken")}</span><span class=${"big" + (!hasValue(overtaken) ? " none" : overtaken.value ? " is-bad" : " is-good")}>${shown(model, overtaken)}</span></p>
    ${facts(model, [
      { id: "line.fair.wait.p50", name: "Half waited at most" }, { id: "line.fair.wait.p90", name: "Nine of ten" }, { id: "line.fair.wait.p99", name: "99 of 100" },
      { id: "line.fair.no_shows", name: "No-shows" }, { id: "line.fair.linked", name: "Tickets to linked buyers" },
      { id: "line.fair.difference", name: "One-click at equal place", text: html`${shown(model, difference)}${interval(difference) ? html`<span class="interval">${interval(difference)}</span>` : nothing}` },
    ])}`;
  return panel(model, { id: "fairness", title: "Fairness", content, table: figureTable(model, ["overtaken", "wait.p50", "wait.p90", "wait.p99", "wait.max", "no_shows", "left", "linked", "most_linked", "standard", "one_click", "difference"].map((id) => "line.fair." + id)) });
}
