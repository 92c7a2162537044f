// The line in front of the shop: joining it, waiting in it, the pass, and the waiting list. The page asks the bridge where the buyer is; what changes rarely is said to those who cannot see it.
import { ask, pause, Refused, requestID } from "./bridge.js";
import { aboutCode, codeField } from "./code.js";
import { checkPlace } from "./draw.js";

const $ = (id) => document.getElementById(id);
const lookMs = 1000;
const page = 1024; // entries of the lobby that the bridge gives at once

let shop; // what the shop lends: visit, price, tickets, clock, card names, how to pay, and whether to sell
let seen; // what the bridge has said last
let receipt; // of the entry in the lobby
let passUntil = 0; // and of the time of grace, by this browser's clock
let offeredUntil = 0;
let offeredHold = ""; // that the waiting list holds
let shownPurchase = ""; // that the waiting list has made
let asksShown = ""; // the one about which the bank has asked
let joinCode, waitCode; // fields
let tracksShown = "", trackProblem = "";
let round = 0; // of looking: a new visit ends the old one
let spoken = "";

const many = (n) => n.toLocaleString("en");
const short = (hash) => `${hash.slice(0, 12)}…${hash.slice(-6)}`;
const why = (problem) => (problem instanceof Refused ? problem.message : "The shop does not answer. Nothing was sent twice; try again.");

function set(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function show(id, shown) {
  $(id).hidden = !shown;
}

// about says how long something takes, as people do.
function about(ms) {
  if (ms < 20_000) return "any moment";
  if (ms < 90_000) return "about a minute";
  if (ms < 3_600_000) return `about ${Math.round(ms / 60_000)} min`;
  return `about ${(ms / 3_600_000).toFixed(1)} h`;
}

/** Begins a visit to a sale with a line. */
export function begin(lent) {
  shop = lent;
  seen = receipt = undefined;
  spoken = shownPurchase = asksShown = tracksShown = "";
  show("line", true);
  for (const id of ["wait", "offered", "draw", "pass", "place", "promised"]) show(id, false);
  set("check-status", "");
  $("check-status").dataset.tone = "";
  joinCode = codeField("join-code", { example: shop.visit().code, use: join, changed: drawTracks });
  waitCode = codeField("wait-code", { example: shop.visit().code, changed: offerWishes });
  show("wait-code", Boolean(shop.visit().code));
  fillWishes();
  follow(++round);
}

/** Looks at once, as when something was bought. */
export const lookNow = () => shop && look(round);

async function follow(mine) {
  while (mine === round) {
    await look(mine);
    await pause(lookMs);
  }
}

async function look(mine) {
  try {
    const answer = await ask("line", { receipt: !receipt });
    if (mine !== round) return;
    seen = answer;
    receipt = answer.place?.receipt ?? receipt;
    draw();
  } catch (problem) {
    if (mine === round) set("line-note", why(problem));
  }
}

// tell changes what is said aloud, once for each state.
function tell(key, text, tone = "") {
  if (spoken === key) return;
  spoken = key;
  const status = $("line-status");
  status.textContent = text;
  status.dataset.tone = tone;
}

const chances = { likely: "likely", unlikely: "unlikely", sold_out: "sold out" };

function draw() {
  const { phase, place, waiter, lobby } = seen, state = place?.state ?? "none";
  const waits = state === "waiting" || state === "skipped", offered = waiter?.state === "offered" && !waiter.auto;
  const mayJoin = !waits && !offered && state !== "admitted" && phase !== "over" && phase !== "none";
  set("line-crowd", phase === "lobby" ? `${many(lobby)} are in the lobby` : phase === "serving" ? `${many(seen.waiting)} wait, ${many(seen.shopping)} are inside` : "");
  show("join", mayJoin);
  set("join", phase === "lobby" ? "Join the lobby" : state === "none" ? "Join the line" : "Join again, at the end");
  show("join-code", mayJoin && Boolean(shop.visit().code));
  if (!mayJoin && joinCode.text) joinCode.clear();
  drawTracks(mayJoin);
  show("leave", waits);
  show("doors", phase === "lobby" && seen.crowd !== "before");
  show("place", waits && place.place > 0);
  show("pass", state === "admitted" || state === "skipped");
  show("promised", state === "admitted" || (state === "none" && seen.lots.length > 0));
  if (state === "admitted" || state === "skipped") passUntil = performance.now() + place.left_ms;
  sayState(phase, offered ? "offered" : state, place, waiter);
  drawDraw();
  drawWaiting(state, waiter);
  shop.sells(state === "admitted");
}

function sayState(phase, state, place, waiter) {
  let note = "";
  if (state === "offered") tell(`offered-${waiter.hold}`, "Tickets have come back, and are held for you.", "good");
  else if (state === "none" && phase === "none") tell("none", "The lobby opens in a moment.");
  else if (state === "none" && phase === "lobby") {
    tell("lobby", "The lobby is open.");
    note = "When the doors open, all who are in the lobby are drawn into an order that nobody can choose. It makes no difference when you join.";
  } else if (state === "none") {
    tell("late", "The doors are open.");
    note = "Whoever joins now comes after all who were drawn.";
  } else if (state === "waiting" && !place.place) {
    tell(`in-${phase}`, phase === "lobby" ? "You are in the lobby." : "The doors are open. The places are being drawn.", "good");
    note = phase === "lobby" ? `You are entry ${many(place.entry)}. That is no place yet: places are drawn when the doors open. You may close this page; come back when they do.` : "";
  } else if (state === "waiting") {
    drawPlace(place);
    tell(`place-${place.told}`, place.told === "sold_out" ? "You have a place. As it looks, nothing is left when it is your turn." : "You have a place.", place.told === "sold_out" ? "bad" : "good");
    note = "You may close this page: the place stays yours. Be back for your turn. If you are not, others go first, and you are next as soon as you are back, for a while.";
  } else if (state === "skipped") {
    drawPlace(place);
    tell("skipped", "Your turn came while you were away. You are back: you are next.", "bad");
  } else if (state === "admitted") {
    tell("admitted", "It is your turn. Choose your tickets.", "good");
  } else {
    const [text, tone, more] = ends[state] ?? ["", "", ""];
    tell(state, text, tone);
    note = more;
  }
  if (place?.track && (state === "waiting" || state === "skipped")) note = `You wait in “${place.track}”. ${note}`;
  set("line-note", note);
  set("promised", state === "admitted" ? `Promised to you as long as the pass is good, at most: ${prices(place.prices)}.` : `On sale: ${prices(seen.lots)}.`);
  set("pass-what", state === "skipped" ? "Your place is kept for" : "Your pass is good for");
  document.title = `${state === "admitted" ? "It is your turn" : place?.place && state === "waiting" ? `Place ${many(place.place)}` : "Tickets"} · ${shop.visit().name}`;
}

const ends = {
  spent: ["You have ordered with your pass.", "good", "A pass is good for one order. You can join again, at the end."],
  lapsed: ["Your pass has run out without an order.", "bad", "It has gone to the next in line. You can join again, at the end."],
  gone: ["Your turn came, and nobody was back in time.", "bad", "The place is gone. You can join again, at the end."],
  left: ["You have given your place up.", "", ""],
  over: ["The sale is over, and the line with it.", "", ""],
};

const prices = (list) => list.map((p) => `${p.name} ${p.sold_out ? "is sold out" : shop.price(p.total_minor)}`).join(", ");

function drawPlace(place) {
  set("place-number", many(place.place));
  set("place-ahead", many(place.ahead));
  set("place-eta", place.eta_ms === null ? "not known yet" : about(place.eta_ms));
  set("place-chance", place.told ? `${chances[place.told]}, ${place.percent < 1 ? "below 1" : place.percent} %` : "not known yet");
  $("place-chance").dataset.told = place.told;
}

// drawTracks shows the parts of the line that a buyer may choose, if there is more than one. A code says itself where it gives a place.
function drawTracks(mayJoin = !$("join").hidden) {
  const tracks = seen?.tracks ?? [], choice = mayJoin && tracks.length > 1, key = JSON.stringify(tracks);
  if (key !== tracksShown) {
    tracksShown = key;
    const before = trackChosen();
    $("tracks").replaceChildren($("tracks").querySelector("legend"), ...tracks.map((t, i) => {
      const row = document.createElement("label");
      row.className = "lot";
      row.innerHTML = `<input type="radio" name="track"><b></b><small></small>`;
      row.querySelector("input").value = t.track;
      row.querySelector("input").checked = before ? t.track === before : i === 0;
      row.querySelector("b").textContent = t.name;
      row.querySelector("small").textContent = t.about;
      return row;
    }));
  }
  show("tracks", choice && !joinCode.text);
  set("tracks-said", mayJoin && joinCode.text ? "Your code says where in the line it gives you a place." : trackProblem);
}

const trackChosen = () => document.querySelector("#tracks input:checked")?.value ?? "";

// ---- the draw --------------------------------------------------------------

function drawDraw() {
  show("draw", Boolean(seen.commit));
  const step = (id, text, now) => {
    const p = $(id).querySelector("p");
    if (p.textContent !== text) p.textContent = text;
    $(id).classList.toggle("now", now);
  };
  step("draw-commit", seen.commit ? short(seen.commit) : "not yet", seen.phase === "lobby");
  step("draw-root", seen.root ? `${short(seen.root)}, over ${many(seen.entries)} entries` : "when the doors open", seen.phase === "closed");
  step("draw-seed", seen.seed ? `${short(seen.seed)}${seen.value ? `, and the public value “${seen.value}”` : ""}` : "after that", Boolean(seen.seed));
  $("check").disabled = !(seen.seed && receipt && seen.place?.place);
}

async function check() {
  const status = $("check-status"), say = (text, tone) => {
    status.textContent = text;
    status.dataset.tone = tone;
  };
  $("check").disabled = true;
  say("Reading the list.", "busy");
  try {
    const { keys } = await (await fetch("/jwks.json")).json(), leaves = [];
    while (leaves.length < seen.entries) {
      const { leaves: some } = await ask("entries", { from: leaves.length + 1 });
      if (!some.length || some.length > page) throw new Error("the list ends too early");
      leaves.push(...some);
    }
    say(`Computing ${many(leaves.length)} places.`, "busy");
    const found = await checkPlace({ ...seen, leaves }, receipt, keys);
    if (found.place !== seen.place.place) throw new Error(`your place comes to ${many(found.place)}, and you were told ${many(seen.place.place)}`);
    say(`Right: of ${many(found.of)}, your place is ${many(found.place)}. Seed, list and ${found.genuine === null ? "receipt" : "signed receipt"} fit together.`, "good");
  } catch (problem) {
    say(`Not right: ${problem.message}.`, "bad");
  }
  $("check").disabled = false;
}

// ---- the waiting list ------------------------------------------------------

const choices = ["First choice", "or else", "or else "];

function fillWishes() {
  const { lots, limit, methods, currency } = shop.visit();
  $("wishes").replaceChildren(...choices.slice(0, lots.length).map((name, i) => {
    const label = document.createElement("label"), select = document.createElement("select");
    label.className = "field";
    label.append(name.trim(), select);
    if (i) select.append(new Option("nothing else", ""));
    select.append(...lots.map((l) => new Option(`${l.name}, ${shop.price(l.total_minor)}`, l.lot)));
    return label;
  }));
  offerWishes();
  $("wait-quantity").replaceChildren(...Array.from({ length: limit }, (_, i) => new Option(shop.tickets(i + 1), i + 1)));
  $("wait-quantity").value = Math.min(2, limit);
  for (const id of ["wait-method", "offered-method"]) $(id).replaceChildren(...methods.map((m) => new Option(`${shop.cardName(m)} (${m.does})`, m.method)));
  set("wait-currency", currency);
  set("wait-status", "");
}

// offerWishes lets buyers wish for what is sold with a code only while they have one.
function offerWishes() {
  for (const { lot } of shop.visit().lots.filter((l) => l.code_only)) {
    for (const o of document.querySelectorAll(`#wishes option[value="${lot}"]`)) {
      o.hidden = o.disabled = !waitCode.text;
      if (o.disabled && o.selected) o.parentElement.selectedIndex = 0;
    }
  }
}

// firstChoice proposes what is sold out.
function firstChoice(lot) {
  if (lot) document.querySelector("#wishes select").value = lot;
}

function drawWaiting(state, waiter) {
  const inLine = state === "waiting" || state === "skipped"; // who may still hope for a pass is not asked what else to do
  const waiting = waiter?.state === "waiting", offered = waiter?.state === "offered";
  const may = seen.phase === "serving" && !waiting && !offered && (inLine ? seen.place.told === "sold_out" : seen.gone.length > 0);
  if (may && $("wait").hidden) firstChoice(seen.gone[0]);
  show("wait", may);
  if (waiting) waitSays(`You wait for ${waiter.what}. ${waiter.ahead ? `${many(waiter.ahead)} before you.` : "You are the next."}${waiter.auto ? ` It is bought for you as soon as it is your turn. It costs you ${shop.price(waiter.max_minor)} at most.` : ""}`, "good");
  else if (offered && waiter.auto) waitSays(`It is your turn: ${waiter.what} for ${shop.price(waiter.total_minor)} is being bought for you.${waiter.asks ? " Your bank wants to know that it is you." : ""}`, "good");
  else if (waiter?.state === "bought") waitSays(boughtSays(waiter), "good");
  else if (waiter && !offered) waitSays(listEnds[waiter.state] ?? "", "bad");
  show("waits", Boolean(waiter) && !(offered && !waiter.auto));
  show("see-tickets", waiter?.state === "bought" && shownPurchase !== "" && shownPurchase === waiter.purchase && !shop.undone(waiter.purchase));
  if (waiter?.state === "bought" && waiter.purchase && waiter.purchase !== shownPurchase) showBought(waiter.purchase);
  show("unwait", waiting);
  show("offered", offered && !waiter.auto);
  if (offered && waiter.asks && waiter.asks !== asksShown) askBank(waiter);
  if (!offered || waiter.auto) {
    offeredHold = "";
    return;
  }
  offeredUntil = performance.now() + waiter.left_ms;
  set("offered-what", `Yours for now: ${waiter.what}, ${shop.price(waiter.total_minor)}`);
  if (offeredHold === waiter.hold) return;
  offeredHold = waiter.hold;
  drawPay();
}

function boughtSays(waiter) {
  if (!waiter.auto) return "You have bought what was held for you.";
  if (shop.undone(waiter.purchase)) return "You have taken back what was bought for you.";
  return `Bought for you, as you wished.${waiter.purchase ? " Your tickets are on this page." : ""}`;
}

// askBank lets the buyer answer the bank about what is being bought for them.
async function askBank(waiter) {
  asksShown = waiter.asks;
  try {
    await shop.authenticate({ id: waiter.asks, total_minor: waiter.total_minor });
  } catch (problem) {
    waitSays(why(problem), "bad");
  }
  look(round);
}

let showing = false;
async function showBought(purchase) {
  if (showing) return;
  const mine = round;
  showing = true;
  if ((await shop.bought(purchase)) && mine === round) shownPurchase = purchase;
  showing = false;
}

const listEnds = {
  lapsed: "The tickets that were held for you have gone to the next.", released: "You have given the tickets back.",
  unpaid: "It was your turn, and your card could not be charged. The tickets have gone to the next.", left: "You wait no more.", took: "You have tickets now, and wait no more.",
  unfit: "What you wished for is not possible any more.", over: "The sale is over.",
};

function waitSays(text, tone) {
  set("waits-text", text);
  $("waits-text").dataset.tone = tone;
}

function drawPay() {
  const card = shop.visit().methods.find((m) => m.method === $("offered-method").value);
  $("offered-pay").textContent = `Pay ${shop.price(seen.waiter.total_minor)}, ${shop.cardName(card)}`;
}

// minor reads an amount as people write it; undefined if it is none.
function minor(text) {
  const { decimals } = shop.visit(), plain = text.trim().replace(",", ".");
  return /^\d{1,7}(\.\d{1,3})?$/.test(plain) ? Math.round(Number(plain) * 10 ** decimals) : undefined;
}

async function wait(event) {
  event.preventDefault();
  const status = $("wait-status"), quantity = Number($("wait-quantity").value), together = $("wait-together").checked, text = $("wait-price").value;
  const lots = [...new Set([...document.querySelectorAll("#wishes select")].map((s) => s.value).filter(Boolean))];
  if (text.trim() && !minor(text)) {
    status.textContent = "Write the most that you would pay as a number, such as 120, or leave it empty.";
    status.dataset.tone = "bad";
    $("wait-price").focus();
    return;
  }
  $("wait-go").disabled = true;
  try {
    await ask("wait", {
      request_id: requestID(), wishes: lots.map((lot) => ({ lot, quantity, together: together && shop.visit().lots.find((l) => l.lot === lot).seated })), max_price_minor: minor(text) ?? 0,
      auto_buy: $("wait-auto").checked, method: $("wait-auto").checked ? $("wait-method").value : "", code: waitCode.text,
    });
    status.textContent = "";
    waitCode.clear();
    await look(round);
    $("unwait").focus();
  } catch (problem) {
    status.textContent = "";
    if (aboutCode(problem) || problem.code === "lot_not_open") waitCode.say(problem.message, "bad");
    else {
      status.textContent = why(problem);
      status.dataset.tone = "bad";
    }
  }
  $("wait-go").disabled = false;
}

// ---- commands --------------------------------------------------------------

// does sends a command of the line, and says if it was refused; tells says it elsewhere, and whether it did.
async function does(button, verb, body = {}, tells = () => false) {
  $(button).disabled = true;
  try {
    const answer = await ask(verb, body);
    receipt = answer.receipt ?? receipt;
    await look(round);
    $("line-title").focus({ preventScroll: true });
  } catch (problem) {
    if (!tells(problem)) {
      spoken = "";
      tell("problem", why(problem), "bad");
      spoken = "";
    }
  }
  $(button).disabled = false;
}

// join takes a place: in the part of the line that was chosen, or where the code gives one.
async function join() {
  if ($("join").disabled) return;
  const code = joinCode.text;
  trackProblem = "";
  shop.joinedWith(code);
  await does("join", "join", { request_id: requestID(), track: code ? "" : trackChosen(), code }, (problem) => {
    shop.joinedWith("");
    if (aboutCode(problem)) joinCode.say(problem.message, "bad");
    else if (problem.code === "track_unknown") set("tracks-said", (trackProblem = problem.message));
    else return false;
    return true;
  });
}

$("join").addEventListener("click", join);
$("leave").addEventListener("click", () => does("leave", "leave", { request_id: requestID() }));
$("unwait").addEventListener("click", () => does("unwait", "leave", { request_id: requestID(), list: true }));
$("doors").addEventListener("click", () => does("doors", "doors"));
$("check").addEventListener("click", check);
$("wait").addEventListener("submit", wait);
$("wait-auto").addEventListener("change", (event) => {
  show("wait-card", event.target.checked);
  $("wait-price").placeholder = event.target.checked ? "what it costs now" : "no maximum";
});
$("offered-method").addEventListener("change", drawPay);
$("offered-pay").addEventListener("click", () => shop.pay("offered", offeredHold, $("offered-method").value));
$("offered-back").addEventListener("click", () => does("offered-back", "release", { request_id: requestID(), hold: offeredHold }));

setInterval(() => {
  if (!$("pass").hidden) set("pass-left", shop.clock(passUntil - performance.now()));
  if (offeredHold) set("offered-left", `${shop.clock(offeredUntil - performance.now())} left`);
}, 250);
