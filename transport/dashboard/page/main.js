// The dashboard: what is known, and the page drawn from it whenever that changes.
import { render } from "lit-html";
import "./chart.js";
import { link, read, windowOf, windows } from "./address.js";
import { copy, csv } from "./csv.js";
import { ask, Feed } from "./feed.js";
import { clock, duration, moment } from "./format.js";
import { lostText, page } from "./page.js";
import { baselineKPIs, breakdownKPIs } from "./product.js";
import { say } from "./sentence.js";
import { hasLine, lineFigures, lineOf, lineTerms } from "./line_figures.js";
import { staleMs } from "./constants.js";

const listed = 200; // events in the list at once: others are searched for
const summed = 1000; // events that the sums of all are made of
const stateEveryMs = 2000, eventsEveryMs = 3000, breakdownEveryMs = 5000, lineEveryMs = 1000;

const model = {
  address: read(), answer: undefined, state: undefined, definitions: new Map(), breakdown: undefined, baseline: undefined, baselineEvent: "",
  line: undefined, // of the event that is looked at, while it has one
  events: undefined, eventsTotal: 0, everything: undefined, everythingTotal: 0, search: "", listOpen: false,
  link: "starting", problem: "", unknown: false, // the engine says that it knows of no such event
  heardAt: undefined, heardWallMs: 0, retryAt: 0, paused: false, pausedAtMs: 0, reloadable: false, spoken: "",
  dialog: undefined, tables: new Set(), copied: "", keysOn: localStorage.getItem("holdfast.keys") !== "off",

  get window() { return windowOf(this.address); },
  get zone() { return (this.address.event && this.answer?.event?.time_zone) || ""; },
  moment(ms) { return moment(ms, this.zone); },
  title() { return this.address.event ? this.answer?.event?.name || this.everything?.find((e) => e.id === this.address.event)?.name || this.address.event : "All events"; },
  account() { return this.address.account || this.state?.accounts?.[0] || ""; },
  onSale() { return this.address.event ? this.answer?.event?.state === "on_sale" : (this.everything ?? []).some((e) => e.state === "on_sale"); },
  figure: (id) => (lineTerms.has(id) ? lineFigures(model.line).get(id) : figures(model.answer).get(id)),
  definition: (id) => lineTerms.get(id) ?? model.definitions.get(id),
  baselineFigure: (id) => figures(model.baseline).get(id),

  // ageMs is how old the figures are: how long ago they came, by this browser's clock alone, and how far behind they were then, by the engine's.
  ageMs() { return this.heardAt === undefined ? undefined : Math.max(0, performance.now() - this.heardAt - 1000) + (this.answer?.lag_ms ?? 0); },
  dimmed() { return !this.unknown && this.link === "lost" || (!this.paused && this.ageMs() > staleMs); },
  noticeText() {
    if (this.paused) return ["warn", `Paused at ${clock(this.pausedAtMs, this.zone)}: nothing below changes until you go on.`];
    if (this.unknown) return ["warn", "Choose an event from the list. If this one is about to be made, its figures come by themselves."];
    if (this.link === "lost") return ["bad", this.problem ? `The engine has no figures now: ${this.problem}` : lostText(this, Math.ceil((this.retryAt - performance.now()) / 1000))];
    if (this.problem) return ["warn", `The engine has no figures now: ${this.problem}`];
    if (this.ageMs() > staleMs) return ["warn", `These figures are ${duration(this.ageMs())} old: the engine has not sent newer ones.`];
    if (this.reloadable) return ["quiet", "The engine was started again with another version of this page."];
    return ["", ""];
  },

  theme() { return document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"); },
  switchTheme() {
    const next = this.theme() === "dark" ? "light" : "dark", system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    if (next === system) {
      delete document.documentElement.dataset.theme; // follows the system again
      localStorage.removeItem("holdfast.theme");
    } else {
      document.documentElement.dataset.theme = next;
      localStorage.setItem("holdfast.theme", next);
    }
    draw();
  },
  pause() {
    this.paused = !this.paused;
    this.pausedAtMs = Date.now();
    if (!this.paused) {
      follow();
      poll();
    }
    draw();
  },
  setKeys(on) {
    this.keysOn = on;
    localStorage.setItem("holdfast.keys", on ? "on" : "off");
    draw();
  },

  go(href) {
    history.pushState(null, "", href);
    arrive();
  },
  showList(open) {
    this.listOpen = open;
    draw(true);
    if (open) document.getElementById("search").focus();
    else document.querySelector(".which")?.focus();
  },
  searchFor(text) {
    this.search = text;
    clearTimeout(searching);
    searching = setTimeout(readEvents, 150);
    draw();
  },

  open(dialog) {
    this.dialog = dialog;
    draw(true);
    const element = document.getElementById("dialog");
    if (!element.open) element.showModal();
    element.querySelector("textarea")?.select();
  },
  define(id) { this.open({ kind: "definition", id }); },
  closed() {
    this.dialog = undefined;
    draw();
  },
  toggleTable(id) {
    if (!this.tables.delete(id)) this.tables.add(id);
    draw();
  },
  copyTable(id, title, rows) { this.take(id, csv(rows), `${typeof title === "string" ? title : "Table"} as CSV`); },
  copyText(text, title) { this.take(text, text, title); },
  async take(id, text, title) {
    if (!(await copy(text))) return this.open({ kind: "text", title, text });
    this.copied = id;
    this.spoken = title + ": copied.";
    setTimeout(() => { this.copied = ""; draw(); }, 1500);
    draw();
  },
};

const indexes = new WeakMap();
function figures(answer) {
  if (!answer) return new Map();
  if (!indexes.has(answer)) indexes.set(answer, new Map((answer.rows?.[0]?.figures ?? []).map((f) => [f.kpi, f])));
  return indexes.get(answer);
}

const root = document.getElementById("app");
let frame = 0, drawn = false, searching = 0;

function draw(now) {
  if (!now) {
    frame ||= requestAnimationFrame(() => draw(true));
    return;
  }
  cancelAnimationFrame(frame);
  frame = 0;
  if (!drawn) root.replaceChildren();
  drawn = true;
  render(page(model), root);
  document.title = `${model.title()} · Holdfast`;
}

// speak tells those who cannot see the page what changes rarely and matters: the connection and how the sale goes.
let spokenBefore = "";
function speak() {
  const text = model.noticeText()[0] === "bad" ? "The connection to the engine is gone." : model.answer ? (say(model).parts[0] ?? "") : "";
  const plain = text.replaceAll(/\d+(\.\d+)?/g, "#"); // a number that goes on changing is not worth a word each time
  if (!text || plain === spokenBefore) return;
  if (spokenBefore) model.spoken = text;
  spokenBefore = plain;
}

let feed, following = "";
function follow() {
  const parameters = { account: model.address.account, event: model.address.event, window: model.window, courses: "1" };
  feed?.end();
  following = JSON.stringify(parameters);
  feed = new Feed(parameters, {
    answer(a) {
      if (model.paused) return;
      const first = model.link !== "live";
      Object.assign(model, { answer: a, heardAt: performance.now(), heardWallMs: Date.now(), link: "live", problem: "", unknown: false });
      speak();
      draw();
      if (first) {
        readBreakdown();
        readLine();
      }
    },
    problem(text) {
      model.problem = text;
      draw();
    },
    lost(why, waitMs, code) {
      Object.assign(model, { link: "lost", problem: why, unknown: code === "event_unknown", retryAt: performance.now() + waitMs });
      speak();
      draw();
    },
  });
}

async function readState() {
  try {
    const state = await ask("state");
    if (model.state && model.state.version !== state.version) model.reloadable = true;
    if (!model.paused) model.state = state;
    chooseAccount();
  } catch {} // the feed says that the engine is gone
}

// chooseAccount looks at the first account where there are several and the address names none: figures are of one.
function chooseAccount() {
  const all = model.state?.accounts ?? [];
  if (model.address.account || all.length < 2) return;
  history.replaceState(null, "", link(model.address, { account: all[0] }));
  arrive();
}

async function readEvents() {
  const search = model.search;
  try {
    const everything = await ask("events", { account: model.address.account, sort: "last", limit: summed });
    const found = search && everything.next ? await ask("events", { account: model.address.account, sort: "last", limit: listed, search }) : undefined;
    if (search !== model.search || model.paused && model.everything && !search) return;
    const text = search.toLowerCase(), here = found?.events ?? everything.events.filter((e) => `${e.name} ${e.id}`.toLowerCase().includes(text));
    Object.assign(model, { everything: everything.events, everythingTotal: everything.total, events: order(here).slice(0, listed), eventsTotal: found?.total ?? (search ? here.length : everything.total) });
    if (!chosen) chooseOnly();
    chooseBaseline();
    draw();
  } catch {} // as above
}

// order puts what sells first, and keeps names in order within that: a list that jumps cannot be read.
const rank = (e) => (e.observe ? 3 : e.state === "on_sale" ? 0 : e.state === "paused" ? 1 : 2);
const names = new Intl.Collator(undefined, { numeric: true });
const order = (events) => [...events].sort((a, b) => rank(a) - rank(b) || names.compare(a.name || a.id, b.name || b.id));

// chooseOnly shows the event at once where there is only one that sells.
let chosen = false;
function chooseOnly() {
  chosen = true;
  const own = model.everything.filter((e) => !e.observe);
  const named = [...new URLSearchParams(location.search).keys()].some((name) => name !== "account");
  if (!named && own.length === 1 && model.everythingTotal === model.everything.length) {
    history.replaceState(null, "", link(model.address, { event: own[0].id }));
    arrive();
  }
}

// chooseBaseline compares with the event that the address names, or else with one that was observed.
async function chooseBaseline() {
  const id = model.address.baseline || model.everything.find((e) => e.observe && e.id !== model.address.event)?.id || "";
  if (id === model.baselineEvent) return;
  model.baselineEvent = id;
  model.baseline = undefined;
  if (!id) return;
  try {
    model.baseline = await ask("kpi", { account: model.address.account, event: id, window: "sale", kpis: known(baselineKPIs) });
    draw();
  } catch (err) {
    model.baselineEvent = err.answered ? id : "";
  }
}

const known = (ids) => ids.filter((id) => model.definitions.has(id)).join(",");

async function readBreakdown() {
  if (model.address.view !== "product" || model.link !== "live" || document.hidden) return;
  const { account, event, by } = model.address, ids = known(breakdownKPIs);
  if ((!ids && model.definitions.size) || (event && (by === "event" || by === "genre"))) return;
  try {
    const answer = await ask("kpi", { account, event, window: model.window, by, kpis: ids });
    if (model.paused || by !== model.address.by || event !== model.address.event) return;
    model.breakdown = answer;
    draw();
  } catch {} // as above
}

async function readDefinitions() {
  try {
    model.definitions = new Map((await ask("definitions")).definitions.map((d) => [d.id, d]));
    readBreakdown();
  } catch {} // asked for again with the state
}

// readLine reads the line of the event that is looked at. Of one that has none it asks only now and then.
let lineRests = 0;
async function readLine() {
  const { account, event } = model.address;
  if (!event || model.link !== "live" || lineRests-- > 0) return;
  try {
    const line = lineOf(await ask("line", { account, event, report: "1" }));
    if (model.paused || event !== model.address.event || account !== model.address.account) return;
    model.line = hasLine(line) ? line : undefined;
    lineRests = model.line ? 0 : 4;
    draw();
  } catch {} // as above
}

function poll() {
  readState();
  readEvents();
  readBreakdown();
  lineRests = 0;
  readLine();
}

// every does something at a pace, and not while nobody looks.
function every(ms, does) {
  setInterval(() => { if (!document.hidden && !model.paused) does(); }, ms);
}

// arrive shows what the address says.
function arrive() {
  const before = model.address;
  model.address = read();
  if (before.event !== model.address.event) {
    Object.assign(model, { answer: undefined, line: undefined, breakdown: undefined, baselineEvent: "", baseline: undefined, unknown: false });
    scrollTo(0, 0);
  }
  if (before.by !== model.address.by) model.breakdown = undefined;
  if (before.account !== model.address.account) Object.assign(model, { answer: undefined, line: undefined, breakdown: undefined, events: undefined, eventsTotal: 0, everything: undefined, everythingTotal: 0, baselineEvent: "", baseline: undefined });
  model.paused = false;
  if (following !== JSON.stringify({ account: model.address.account, event: model.address.event, window: model.window, courses: "1" })) follow();
  poll();
  draw();
}

function step(by) {
  const all = model.events ?? [], at = all.findIndex((e) => e.id === model.address.event);
  const next = all[Math.max(0, Math.min(all.length - 1, at + by))];
  if (next) model.go(link(model.address, { event: next.id }));
}

function range(by) {
  const all = windows.map(([id]) => id), next = all[all.indexOf(model.window) + by];
  if (next) model.go(link(model.address, { window: next }));
}

const shortcuts = {
  "?": () => model.open({ kind: "keys" }), "1": () => model.go(link(model.address, { view: "product" })), "2": () => model.go(link(model.address, { view: "sale" })), "[": () => range(-1), "]": () => range(1),
  j: () => step(1), k: () => step(-1), a: () => model.go(link(model.address, { event: "" })), p: () => model.pause(), t: () => model.switchTheme(), x: () => model.open({ kind: "commands" }),
  "/": () => (matchMedia("(max-width: 899px)").matches ? model.showList(true) : document.getElementById("search").focus()),
};

document.addEventListener("keydown", (e) => {
  if (e.key === "Escape" && model.listOpen) return model.showList(false);
  if (!model.keysOn || e.ctrlKey || e.metaKey || e.altKey || model.dialog || e.target.matches("input:not([type=radio]), select, textarea")) return;
  const does = shortcuts[e.key];
  if (!does) return;
  e.preventDefault();
  does();
});

document.addEventListener("click", (e) => {
  const a = e.target.closest("a[data-go]");
  if (!a || e.button || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
  e.preventDefault();
  model.go(a.getAttribute("href"));
  if (model.listOpen) model.showList(false);
});

addEventListener("popstate", arrive);
addEventListener("online", () => feed?.now());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return feed?.end(); // a browser opens six connections to one host, and each page that is looked at needs one
  follow();
  if (!model.paused) poll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());

async function begin() {
  if (!model.address.account) await readState(); // which says whether figures have to be asked for by account
  if (!feed) follow();
  readDefinitions();
  poll();
}

draw(true);
begin();
every(stateEveryMs, () => { readState(); if (!model.definitions.size) readDefinitions(); });
every(eventsEveryMs, readEvents);
every(breakdownEveryMs, readBreakdown);
every(lineEveryMs, readLine);
setInterval(() => draw(), 1000); // ages go on while nothing comes
