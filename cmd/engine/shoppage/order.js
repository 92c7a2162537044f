// What was bought: the receipt, the time to undo, the tickets with their codes, and what the shop asks afterwards.
import { ask, Refused, requestID } from "./bridge.js";
import { touch } from "./touches.js";

const $ = (id) => document.getElementById(id);
const againMs = 250; // before codes that were not read are asked for again

let shop; // what the shop lends: visit, price, and whom to tell that a purchase was taken back
let order; // the one that is shown: { id, purchase, undoUntil, undoMs, shown }
const undone = new Set(); // purchases that were taken back

const seconds = (ms) => Math.max(0, Math.ceil(ms / 1000));
const sentence = (problem) => (problem instanceof Refused ? problem.message : "The shop does not answer. Nothing was sent twice; try again.");

/** Begins a visit, to which nothing was sold yet. */
export function begin(lent) {
  shop = lent;
  order = null;
  $("result").hidden = true;
}

/** Whether a purchase was taken back. */
export const wasUndone = (purchase) => undone.has(purchase);

/** Shows what a purchase has bought, with a card: so long after the click, or null if nobody has clicked. */
export function showOrder(p, from, tookMs) {
  if (p.undone) {
    undone.add(p.id);
    return;
  }
  const { visit, price } = shop;
  order = { id: p.order, purchase: p.id, undoUntil: performance.now() + p.undo_left_ms, undoMs: Math.max(p.undo_left_ms, 1), shown: false };
  $("result-title").textContent = p.ticket_count === 1 ? "The ticket is yours" : `${p.ticket_count} tickets are yours`;
  $("result-time").textContent = tookMs === null ? "Bought for you, from the waiting list" : `${(tookMs / 1000).toFixed(2)} s from click to confirmation`;
  const rows = [["Order", p.order], ["Event", `${visit().name}, ${visit().date}`], ["Tickets", p.items], ["Total", price(p.total_minor)], ["Of which fees", price(p.fees_minor)], ["Card", `${from.brand} ${from.last_four}`]];
  $("receipt").replaceChildren(...rows.flatMap(([term, text]) => {
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = term;
    dd.textContent = text;
    return [dt, dd];
  }));
  drawTickets(p.tickets);
  $("result").hidden = false;
  $("undo-bar").hidden = p.undo_left_ms <= 0;
  $("undo").disabled = false;
  $("after-text").textContent = "How was buying these?";
  $("scores").hidden = $("after").hidden = $("help").hidden = false;
  if (p.undo_left_ms <= 0) showCodes();
  if (tookMs === null) return; // nobody has clicked: what the buyer does now goes on
  $("result-title").focus({ preventScroll: true });
  $("result").scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

function drawTickets(list) {
  $("tickets").replaceChildren(...list.map((t, i) => {
    const row = $("ticket").content.cloneNode(true);
    row.querySelector("li").dataset.ticket = t.ticket;
    row.querySelector(".kicker").textContent = `Ticket ${i + 1} of ${list.length}`;
    row.querySelector("h3").textContent = shop.visit().name;
    row.querySelector(".seat").textContent = t.seat ? `${t.lot_name}, seat ${t.seat}` : t.lot_name;
    row.querySelector(".code").textContent = `Serial ${t.ticket}`;
    return row;
  }));
}

// showCodes reads the tickets' codes, once they can admit.
async function showCodes() {
  const mine = order;
  mine.shown = true;
  $("undo-bar").hidden = true;
  try {
    const { tickets: list } = await ask("tickets", { purchase: mine.purchase });
    if (order !== mine) return;
    touch("delivered", { order: mine.id });
    for (const t of list) {
      const row = document.querySelector(`[data-ticket="${t.ticket}"]`);
      const img = document.createElement("img");
      img.src = t.qr;
      img.alt = `QR code of ticket ${t.ticket}`;
      row.querySelector(".qr").replaceChildren(img);
      const save = row.querySelector(".save");
      save.href = t.qr;
      save.download = `ticket-${t.ticket}.svg`;
      save.textContent = `Save the code of ticket ${t.ticket}`;
      save.hidden = false;
    }
  } catch {
    mine.shown = false; // the next tick asks again
    mine.undoUntil = performance.now() + againMs;
  }
}

async function undo() {
  const mine = order;
  $("undo").disabled = true;
  try {
    await ask("undo", { request_id: requestID(), purchase: mine.purchase });
    order = null;
    undone.add(mine.purchase);
    $("result-title").textContent = "Undone";
    $("result-time").textContent = "Your card was not charged. The tickets are back on sale.";
    $("undo-bar").hidden = true;
    $("tickets").replaceChildren();
    $("receipt").replaceChildren();
    $("after").hidden = true;
    $("result-title").focus({ preventScroll: true });
    shop.changed();
  } catch (problem) {
    $("undo").disabled = false;
    $("result-time").textContent = sentence(problem);
  }
}

function score(event) {
  const value = Number(event.target.value);
  if (!value || !order) return;
  touch("surveyed", { survey: "csat", score: value, order: order.id });
  $("scores").hidden = true;
  $("after-text").textContent = "Thank you.";
}

function help() {
  if (!order) return;
  touch("support", { topic: "order_help", order: order.id });
  $("help").hidden = true;
  $("after-text").textContent = "The shop will call you back, if this were a shop.";
}

/** Counts the time to undo down, and shows the codes when it is over. */
export function tick() {
  if (!order || order.shown) return;
  const left = order.undoUntil - performance.now();
  $("undo-left").textContent = `${seconds(left)} s to undo.`;
  $("undo-progress").value = Math.max(0, left / order.undoMs);
  if (left <= 0) showCodes();
}

$("undo").addEventListener("click", undo);
$("scores").addEventListener("click", score);
$("help").addEventListener("click", help);
