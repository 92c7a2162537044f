import { ask, money, pause, Refused, requestID } from "./bridge.js";
import { aboutCode, codeField } from "./code.js";
import { begin as beginLine, lookNow } from "./line.js";
import { begin as beginOrders, showOrder, tick as tickOrder, wasUndone } from "./order.js";
import { agree, send as sendTouches, touch } from "./touches.js";

const $ = (id) => document.getElementById(id);
const pollMs = 250; // of a purchase that is under way
const countsMs = 700;
const tickMs = 100;

let visit; // what the bridge said of the event, the lots and the cards
let offer; // the one-click offer that the button stands for; null while there is none
let hold; // of the standard flow: { id, what, until }
let busy = false; // a purchase is under way: nothing else is sold meanwhile
let ready = false; // the page was reported to be
let prompted = false; // the button was reported to be there
let asking = false; // for an offer
let sells = true; // a sale with a line sells to whoever has a pass
let asked = 0; // numbers the questions for an offer, so that a late answer is ignored
let code; // the field for one
let coded = null; // the code that is used, with the prices of the lots that it is for: { text, lots }
let fromLine = ""; // the code that the buyer joined the line with

const pricesOf = (l) => coded?.lots.get(l.lot) ?? l;
const codeFor = (l) => (coded?.lots.has(l.lot) ? coded.text : "");
const cart = () => ({ cart_minor: quantity() * pricesOf(lotChosen()).total_minor });
const price = (minor) => money(minor, visit.currency, visit.decimals);
const quantity = () => Number($("quantity").value);
const lotChosen = () => visit.lots.find((l) => l.lot === document.querySelector("#lots input:checked").value);
const cardOf = (id) => visit.methods.find((m) => m.method === id);
const cardName = (m) => `${m.brand} ${m.last_four}`;
const tickets = (n) => (n === 1 ? "1 ticket" : `${n} tickets`);
const seconds = (ms) => Math.max(0, Math.ceil(ms / 1000));
const clock = (ms) => `${Math.floor(seconds(ms) / 60)}:${String(seconds(ms) % 60).padStart(2, "0")}`;

function say(panel, text, tone = "") {
  const status = $(`${panel}-status`);
  status.textContent = text;
  status.dataset.tone = tone;
}

const sayProblem = (panel, problem) => say(panel, problem instanceof Refused ? problem.message : "The shop does not answer. Nothing was sent twice; try again.", "bad");

// ---- the visit -------------------------------------------------------------

function option(m) {
  const o = document.createElement("option");
  o.value = m.method;
  o.textContent = `${cardName(m)} (${m.does})`;
  return o;
}

function lotRow(l, isChosen) {
  const now = pricesOf(l);
  const row = document.createElement("label");
  row.className = "lot";
  row.innerHTML = `<input type="radio" name="lot"><b></b><span class="price"></span><small></small>`;
  const input = row.querySelector("input");
  input.value = l.lot;
  input.checked = isChosen;
  input.addEventListener("change", () => {
    chosen();
    touch("selected", cart());
  });
  row.querySelector("b").textContent = l.name;
  row.querySelector(".price").replaceChildren(...priced(now.total_minor, l.total_minor));
  row.querySelector("small").textContent = `${price(now.face_minor)} and ${price(now.fees_minor)} service fee${codeFor(l) ? ", with your code" : ""}`;
  return row;
}

// priced is a price, behind the one that it would be without a code.
function priced(now, without) {
  if (now >= without) return [price(now)];
  const said = document.createElement("span"), old = document.createElement("s");
  said.className = "away";
  said.textContent = "instead of";
  old.textContent = price(without);
  return [said, old, ` ${price(now)}`];
}

// drawLots shows what is sold: to everybody, and with the code that is used.
function drawLots() {
  const before = document.querySelector("#lots input:checked")?.value, list = visit.lots.filter((l) => !l.code_only || codeFor(l));
  const chosenLot = list.find((l) => l.lot === before) ?? list[0];
  $("lots").replaceChildren($("lots").querySelector("legend"), ...list.map((l) => lotRow(l, l === chosenLot)));
}

async function begin(again) {
  visit = await ask("visit", { again });
  prompted = false;
  touch("viewed");
  document.title = `${visit.name}: tickets`;
  $("title").textContent = visit.name;
  $("performer").textContent = visit.performer;
  $("where").textContent = `${visit.venue}, ${visit.city}`;
  $("date").textContent = visit.date;
  $("buyer").textContent = visit.buyer;
  $("rush").textContent = `Let ${visit.crowd.toLocaleString("en")} simulated buyers in`;
  coded = null;
  code = codeField("shop-code", { example: visit.code, button: "Use it", use: useCode });
  $("shop-code").hidden = !visit.code;
  fromLine = "";
  $("lots").replaceChildren($("lots").querySelector("legend"));
  drawLots();
  for (const id of ["one-click-method", "standard-method"]) $(id).replaceChildren(...visit.methods.map(option));
  $("quantity").value = Math.min(2, visit.limit);
  hold = null;
  beginOrders({ visit: () => visit, price, changed: tookBack });
  for (const panel of ["one-click", "standard"]) say(panel, "");
  sellsNow(!visit.line);
  chosen();
  if (visit.line) beginLine({ visit: () => visit, price, tickets, clock, cardName, sells: sellsNow, pay: payOffered, joinedWith, authenticate, bought: showBought, undone: wasUndone });
}

// sellsNow opens the shop to whoever may shop now, and shuts it to who may not: what is held already can still be paid.
function sellsNow(now) {
  const before = sells;
  sells = now;
  $("choose").hidden = !sells;
  document.querySelector(".flows").hidden = !sells && !hold && !busy;
  $("one-click").hidden = $("step-hold").hidden = !sells && !busy;
  if (sells && !before) {
    askOffer();
    bringCode();
  }
}

// ---- a code ----------------------------------------------------------------

// useCode asks what the code in the field is good for, and shows prices with it; or lets go of the one that is used.
async function useCode() {
  if (coded) {
    dropCode();
    code.clear(true);
    return;
  }
  const text = code.text;
  if (!text) {
    code.say("Write your code into the field first.", "bad");
    return;
  }
  code.busy = true;
  try {
    await takeCode(text);
    const l = codeFor(lotChosen()) ? lotChosen() : visit.lots.find(codeFor), now = pricesOf(l).total_minor;
    code.say(`Your code counts: ${l.name} ${price(now)}${now < l.total_minor ? ` instead of ${price(l.total_minor)}` : ""}.`, "good");
  } catch (problem) {
    code.say(problem instanceof Refused ? problem.message : "The shop does not answer. Try again.", "bad");
  }
  code.busy = false;
}

async function takeCode(text) {
  const { lots } = await ask("code", { request_id: requestID(), code: text });
  coded = { text, lots: new Map(lots.map((l) => [l.lot, l])) };
  code.used(true);
  drawLots();
  chosen();
}

// dropCode goes on without the code, at the prices without it.
function dropCode() {
  coded = null;
  code.used(false);
  drawLots();
  chosen();
}

// codeFails is what follows when the code that was used is not good any more: that is said at its field.
function codeFails(problem) {
  if (!coded || !aboutCode(problem)) return false;
  dropCode();
  code.say(`${problem.message} These are the prices without it.`, "bad");
  return true;
}

// joinedWith remembers the code that the buyer joined the line with, for when it is their turn.
const joinedWith = (text) => {
  fromLine = text;
};

async function bringCode() {
  const text = fromLine;
  fromLine = "";
  if (!text || coded) return;
  code.fill(text);
  try {
    await takeCode(text);
    code.say("The code that you joined with counts.", "good");
  } catch {
    code.clear(); // it was for the line only
  }
}

// ---- choosing --------------------------------------------------------------

function chosen() {
  const lot = lotChosen();
  const now = pricesOf(lot);
  const n = quantity();
  $("fewer").disabled = busy || n <= 1;
  $("more").disabled = busy || n >= visit.limit;
  const off = n * (lot.total_minor - now.total_minor);
  $("total").replaceChildren(...priced(n * now.total_minor, n * lot.total_minor));
  $("parts").textContent = `${tickets(n)}: ${price(n * now.face_minor)}, and ${price(n * now.fees_minor)} service fee. ${off > 0 ? `Your code takes ${price(off)} off. ` : ""}Nothing is added later.`;
  drawHold();
  askOffer();
}

function step(by) {
  $("quantity").value = Math.min(visit.limit, Math.max(1, quantity() + by));
  chosen();
  touch("selected", cart());
}

// askOffer asks whether this buyer may buy this with one click, and at what price. The button shows nothing but what the engine promised.
async function askOffer() {
  const mine = ++asked;
  offer = null;
  asking = !busy && sells;
  drawBuy();
  if (busy || !sells) return;
  try {
    const answer = await ask("offer", { request_id: requestID(), lot: lotChosen().lot, quantity: quantity(), method: $("one-click-method").value, code: codeFor(lotChosen()) });
    if (mine !== asked) return;
    if (answer.one_click) {
      offer = { ...answer, until: performance.now() + answer.expires_in_ms };
      if (!prompted) touch("prompted", { cart_minor: answer.total_minor });
      prompted = true;
      $("buy-note").textContent = `Charges ${price(answer.total_minor)}. You can undo it for ${seconds(visit.undo_ms)} seconds, at no cost.`;
    } else {
      $("buy-note").textContent = answer.why;
    }
  } catch (problem) {
    if (mine !== asked) return;
    if (codeFails(problem)) return;
    $("buy-note").textContent = problem instanceof Refused ? problem.message : "The shop does not answer.";
  }
  if (!ready) touch("page_ready", { load_ms: Math.round(performance.getEntriesByType("navigation")[0]?.domContentLoadedEventEnd ?? 0), prompt_ms: Math.round(performance.now()) });
  ready = true;
  asking = false;
  drawBuy();
}

function drawBuy() {
  const button = $("buy");
  button.disabled = !offer || busy;
  button.textContent = offer ? `Buy now, ${price(offer.total_minor)}, ${offer.brand} ${offer.last_four}` : busy || asking ? "One moment" : "One click is not offered";
}

// ---- a purchase under way --------------------------------------------------

function setBusy(now) {
  busy = now;
  for (const el of document.querySelectorAll("#choose input, #shop-code button, #one-click select, #standard select, #hold, #pay, #release, #rush, #again")) el.disabled = now;
  const lot = lotChosen();
  if (lot) {
    $("fewer").disabled = now || quantity() <= 1;
    $("more").disabled = now || quantity() >= visit.limit;
  }
  drawBuy();
  drawHold();
}

function progress(panel, p) {
  if (p.state === "queued") say(panel, p.lane_place > 0 ? `In line to pay: ${p.lane_place.toLocaleString("en")} before you, about ${seconds(p.eta_ms)} s. Your tickets are safe.` : "In line to pay. Your tickets are safe.", "busy");
  else if (p.state === "authorising") say(panel, "The bank is asked.", "busy");
  else if (p.state === "action_required") say(panel, "Your bank wants to know that it is you.", "busy");
}

// buyBy sends a purchase, with the request id of the click, and follows it to its end.
async function buyBy(panel, click, send, from) {
  const clicked = performance.now();
  const seen = () => requestAnimationFrame(() => touch("click_seen", { click_id: click, click_to_seen_ms: Math.round(performance.now() - clicked) }));
  let failed;
  setBusy(true);
  say(panel, "One moment.", "busy");
  try {
    let p = await send(click);
    let bankAsked = false; // once
    while (!p.final) {
      progress(panel, p);
      if (p.state === "action_required" && !bankAsked) {
        bankAsked = true;
        p = await authenticate(p);
      } else {
        await pause(pollMs);
        p = await ask("purchase", { purchase: p.id });
      }
    }
    ended(panel, p, from, performance.now() - clicked);
    seen();
  } catch (problem) {
    sayProblem(panel, problem);
    if (problem instanceof Refused) seen();
    failed = problem;
  } finally {
    setBusy(false);
    if (codeFails(failed)) say(panel, "");
    else if (!offer) askOffer();
    lookNow();
  }
}

const buyNow = () => {
  const clicked = offer;
  touch("clicked", { cart_minor: clicked.total_minor });
  return buyBy("one-click", requestID(), (click) => ask("buy", { request_id: click, offer: clicked.offer, method: clicked.method }), clicked);
};

const payHold = () => {
  const method = $("standard-method").value;
  const card = cardOf(method);
  return buyBy("standard", requestID(), (click) => ask("pay", { request_id: click, hold: hold.id, method }), { brand: card.brand, last_four: card.last_four });
};

// payOffered pays for what the waiting list holds.
function payOffered(panel, id, method) {
  const card = cardOf(method);
  return buyBy(panel, requestID(), (click) => ask("pay", { request_id: click, hold: id, method }), { brand: card.brand, last_four: card.last_four });
}

function ended(panel, p, from, tookMs) {
  asked++;
  offer = null;
  if (p.state === "sold") {
    hold = null;
    say(panel, "Bought.", "good");
    drawHold();
    showOrder(p, from, tookMs);
    return;
  }
  if (p.hold_lives && panel === "offered") {
    say(panel, `${p.why} Nothing was charged. The tickets are still held for you: pay with another card.`, "bad");
    return;
  }
  if (p.hold_lives) {
    hold = { id: p.hold, what: `Your tickets, ${price(p.total_minor)}`, total: p.total_minor, until: performance.now() + p.hold_left_ms };
    say(panel, `${p.why} Nothing was charged. Your tickets are still held: pay with another card.`, "bad");
    const other = visit.methods.find((m) => m.method !== p.method);
    if (other) $("standard-method").value = other.method;
    drawHold();
    $("standard-method").focus();
    return;
  }
  hold = null;
  drawHold();
  say(panel, `${p.why} Nothing was charged, and the tickets are back on sale.`, "bad");
}

// showBought shows what was bought for a buyer who waited for it, as if they had clicked themselves. It says whether it could.
async function showBought(purchase) {
  if (busy) return false;
  try {
    const p = await ask("purchase", { purchase });
    if (busy) return false;
    showOrder(p, cardOf(p.method), null);
    return true;
  } catch {
    return false;
  }
}

// tookBack is what follows when a purchase was undone.
function tookBack() {
  for (const panel of ["one-click", "standard"]) say(panel, "");
  askOffer();
  lookNow();
}

// authenticate shows what the buyer's bank would show, and tells it the answer.
function authenticate(p) {
  const dialog = $("bank");
  $("bank-text").textContent = `${price(p.total_minor)} for ${visit.name}. Only you can approve it.`;
  return new Promise((done, failed) => {
    const answer = (approve) => {
      if (dialog.open) dialog.close();
      for (const [el, name, does] of listeners) el.removeEventListener(name, does);
      ask("authenticate", { purchase: p.id, approve }).then(done, failed);
    };
    const refuse = (event) => {
      event.preventDefault(); // the Escape key is a no
      answer(false);
    };
    const yes = () => answer(true);
    const no = () => answer(false);
    const listeners = [[$("bank-yes"), "click", yes], [$("bank-no"), "click", no], [dialog, "cancel", refuse]];
    for (const [el, name, does] of listeners) el.addEventListener(name, does);
    dialog.showModal();
  });
}

// ---- the standard flow -----------------------------------------------------

async function takeHold() {
  let failed;
  if (offer) touch("dismissed", { cart_minor: offer.total_minor });
  setBusy(true);
  say("standard", "One moment.", "busy");
  try {
    const n = quantity();
    const h = await ask("hold", { request_id: requestID(), lot: lotChosen().lot, quantity: n, code: codeFor(lotChosen()) });
    hold = { id: h.id, what: `${tickets(n)}, ${price(h.total_minor)}`, total: h.total_minor, until: performance.now() + h.left_ms };
    say("standard", "Held for you.", "good");
    touch("carted", { cart_minor: h.total_minor });
    touch("stepped", { step: "payment", cart_minor: h.total_minor });
  } catch (problem) {
    sayProblem("standard", problem);
    failed = problem;
  } finally {
    setBusy(false);
  }
  if (hold) $("standard-method").focus();
  if (codeFails(failed)) say("standard", "");
}

async function giveBack() {
  const given = hold;
  hold = null;
  touch("abandoned", { step: "payment" });
  try {
    await ask("release", { request_id: requestID(), hold: given.id });
    say("standard", "The tickets are back on sale.");
  } catch (problem) {
    sayProblem("standard", problem);
  }
  drawHold();
  $("hold").focus();
}

function drawHold() {
  $("held").hidden = !hold;
  $("step-hold").classList.toggle("now", !hold);
  $("step-pay").classList.toggle("now", Boolean(hold));
  const button = $("hold");
  button.disabled = busy || Boolean(hold);
  button.textContent = hold ? "Held" : `Hold ${tickets(quantity())}, ${price(quantity() * pricesOf(lotChosen()).total_minor)}`;
  if (!hold) return;
  $("held-what").textContent = hold.what;
  const card = cardOf($("standard-method").value);
  $("pay").textContent = `Pay ${price(hold.total)}, ${cardName(card)}`;
}

// ---- time ------------------------------------------------------------------

function tick() {
  const now = performance.now();
  if (hold) {
    $("held-for").textContent = `${clock(hold.until - now)} left`;
    if (now > hold.until && !busy) {
      hold = null;
      say("standard", "The time to pay is over: the tickets are back on sale.", "bad");
      drawHold();
    }
  }
  tickOrder();
  if (offer && now > offer.until) askOffer();
}

async function follow() {
  for (;;) {
    try {
      const c = await ask("counts");
      for (const part of ["free", "held", "paying", "sold"]) {
        $(`count-${part}`).textContent = c[part].toLocaleString("en");
        document.querySelector(`.bar [data-part="${part}"]`).style.width = `${(100 * c[part]) / c.capacity}%`;
      }
      $("crowd").textContent = c.crowd === "before" ? "The crowd waits outside." : c.crowd === "inside" ? `${c.shopping.toLocaleString("en")} simulated buyers are shopping, ${c.served.toLocaleString("en")} have tickets.` : `The crowd has left: ${c.served.toLocaleString("en")} have tickets.`;
      $("rush").hidden = c.crowd !== "before";
    } catch {
      $("crowd").textContent = "The shop does not answer. Is the demo still running?";
    }
    await pause(countsMs);
  }
}

// ---- begin -----------------------------------------------------------------

$("fewer").addEventListener("click", () => step(-1));
$("more").addEventListener("click", () => step(1));
$("one-click-method").addEventListener("change", askOffer);
$("standard-method").addEventListener("change", drawHold);
$("buy").addEventListener("click", buyNow);
$("hold").addEventListener("click", takeHold);
$("pay").addEventListener("click", payHold);
$("release").addEventListener("click", giveBack);
$("agree").addEventListener("change", (event) => agree(event.target.checked));
addEventListener("pagehide", () => {
  if (hold) touch("abandoned", { step: "payment" });
  sendTouches();
});
$("again").addEventListener("click", () => begin(true));
$("rush").addEventListener("click", () => ask("rush").catch((problem) => sayProblem("one-click", problem)));

await begin(false);
setInterval(tick, tickMs);
follow();
