// Sells tickets with one click over plain NATS, in JSON, with nothing of Holdfast's but its subjects and words: from a saved card to the gate.
//
//   npm ci
//   engine wallet import buyers.csv --data DIR   # a buyer who has bought before, into the folder of an engine that is stopped
//   node one-click.mjs                           # an engine on nats://127.0.0.1:4222
//   NATS_URL=nats://127.0.0.1:4333 node one-click.mjs
//
// The cards are those of the sandbox, the gateway that takes no money. Prints every request and reply. Ends with exit status 1 at the first reply that
// is not what docs/wire.md says.
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { connect } from "@nats-io/transport-node";

const servers = process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const run = Date.now().toString(36); // a new event and a new buyer each time the script runs
const event = `night-two-${run}`;
const newcomer = `new-${run}`;
const regular = "regular-1"; // of buyers.csv
const nats = await connect({ servers, timeout: 5000, maxReconnectAttempts: 0 }).catch((problem) => {
  console.error(`no engine at ${servers} (${problem.message}): start one with: go run ./cmd/engine serve`);
  process.exit(1);
});

async function ask(subject, body) {
  console.log(`-> ${subject}\n   ${JSON.stringify(body)}`);
  const message = await nats.request(subject, JSON.stringify(body), { timeout: 10000 });
  console.log(`<- ${message.string()}\n`);
  return message.json();
}

async function accepted(subject, body) {
  const reply = await ask(subject, body);
  assert.equal(reply.error, undefined, `${subject} was refused`);
  return reply;
}

async function refused(code, subject, body) {
  const reply = await ask(subject, body);
  assert.equal(reply.error?.code, code, `${subject} should have been refused with ${code}`);
  return reply.error;
}

const events = (verb) => `holdfast.v1.events.${event}.${verb}`;
const buyers = (buyer, verb) => `holdfast.v1.buyers.${buyer}.${verb}`;

// final follows a purchase to its end. Pushes say that something changed; the purchase itself says what.
async function final(buyer, purchase) {
  for (const until = Date.now() + 30000; Date.now() < until; ) {
    const reply = await accepted(events("purchase"), { buyer, purchase });
    if (["sold", "declined", "released"].includes(reply.purchase.state)) return reply;
    await new Promise((done) => setTimeout(done, 300));
  }
  throw new Error(`purchase ${purchase} came to no end`);
}

try {
  await accepted(events("create"), {
    request_id: "c1", name: "Night Two", currency: "EUR", hold_ttl_ms: 120000, max_hold_ms: 600000, limit_per_buyer: 4, undo_ms: 0, open: true,
    lots: [{ lot: "ga", face_minor: 4500, fees: [{ name: "service", minor: 250 }], capacity: 100 }],
  });
  const pushes = nats.subscribe(`holdfast.v1.purchases.${event}.*`);
  const notices = nats.subscribe(`holdfast.v1.notices.${event}.>`);

  // A newcomer saves a card: the shop's page got the token from the gateway, and no card number ever came here.
  await accepted(buyers(newcomer, "save"), {
    request_id: "s1", gateway: "sandbox", kind: "card", token: `sbx_ok.${run}`, brand: "visa", last_four: "4242", expiry_month: 12, expiry_year: 2033,
  });
  await refused("card_number", buyers(newcomer, "save"), { request_id: "s2", gateway: "sandbox", kind: "card", token: "4242 4242 4242 4242" });
  await accepted(buyers(newcomer, "agree"), { request_id: "a1", scope: "one_click", version: "2026-11", cap_minor: 50000, currency: "EUR" });
  const two = [{ lot: "ga", quantity: 2 }];
  const first = await accepted(events("offer"), { request_id: "f1", buyer: newcomer, items: two });
  assert.notEqual(first.offer.one_click, true, "nobody buys with one click the first time");
  assert.ok(first.offer.reason);

  // So the first purchase is made step by step: hold, then buy the hold.
  const held = await accepted(events("hold"), { request_id: "h1", buyer: newcomer, items: two });
  const begun = await accepted(events("buy"), { request_id: "b1", buyer: newcomer, hold: held.hold.id });
  const standard = await final(newcomer, begun.purchase.id);
  assert.equal(standard.purchase.state, "sold");
  assert.equal(standard.order.total_minor, 9500);

  // A regular buyer has bought before, and saved a card long ago: one click is offered, with the total and the card for the button.
  const { offer } = await accepted(events("offer"), { request_id: "f2", buyer: regular, items: two });
  assert.equal(offer.one_click, true, offer.reason);
  assert.deepEqual([offer.total_minor, offer.currency, offer.last_four], [9500, "EUR", "4242"]);

  // The click. The same request again is the same purchase; another click on the same offer buys nothing more.
  const click = { request_id: "b2", buyer: regular, offer: offer.id };
  const bought = await accepted(events("buy"), click);
  const again = await accepted(events("buy"), click);
  assert.equal(again.purchase.id, bought.purchase.id);
  const sold = await final(regular, bought.purchase.id);
  assert.equal(sold.purchase.state, "sold");
  await refused("offer_used", events("buy"), { ...click, request_id: "b3" });

  // What was pushed meanwhile, and the notice for whoever sends the mail.
  const push = await next(pushes, (m) => m.json().purchase?.id === bought.purchase.id && m.json().purchase.state === "sold");
  console.log(`<- ${push.subject}\n   ${push.string()}\n`);
  const notice = await next(notices, (m) => m.json().type?.includes("order") && m.string().includes(regular));
  console.log(`<- ${notice.subject}\n   ${notice.string()}\n`);

  // The tickets' codes, checked with nothing but the public keys.
  const { order } = await accepted(events("order"), { buyer: regular, order: sold.order.id, codes: true });
  const { keys } = await accepted("holdfast.v1.jwks", {});
  const [ticket] = order.tickets;
  const [header, payload, signature] = ticket.code.split(".");
  const { kid, alg } = JSON.parse(Buffer.from(header, "base64url"));
  assert.equal(alg, "EdDSA");
  const key = createPublicKey({ key: keys.find((k) => k.kid === kid), format: "jwk" });
  assert.ok(verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url")), "the code is signed by the engine");
  const claims = JSON.parse(Buffer.from(payload, "base64url"));
  assert.deepEqual([claims.evt, claims.tid], [event, ticket.id]);
  console.log(`verified offline: ${JSON.stringify(claims)}\n`);

  // The gate lets each ticket in once.
  await accepted(events("admit"), { request_id: "g1", ticket: ticket.id, generation: claims.gen, gate: "north" });
  const second = await refused("already_admitted", events("admit"), { request_id: "g2", ticket: ticket.id, generation: claims.gen, gate: "south" });
  assert.match(second.message, /north/);

  // The other order goes back: its tickets are void and back on sale, and the money is on its way.
  const back = await accepted(events("refund"), { request_id: "r1", buyer: newcomer, order: standard.order.id, reason: "goodwill" });
  assert.equal(back.refund.amount_minor, 9500);
  await refused("ticket_void", events("admit"), { request_id: "g3", ticket: standard.order.tickets[0].id, generation: 0, gate: "north" });
  console.log(`all as documented: event ${event}`);
} catch (problem) {
  console.error(problem.message ?? problem);
  process.exitCode = 1;
} finally {
  await nats.close();
}

// next waits for a message on a subscription.
async function next(subscription, matches) {
  const timer = setTimeout(() => subscription.unsubscribe(), 10000);
  for await (const message of subscription) {
    if (matches(message)) {
      clearTimeout(timer);
      return message;
    }
  }
  throw new Error(`nothing came on ${subscription.getSubject()}`);
}
