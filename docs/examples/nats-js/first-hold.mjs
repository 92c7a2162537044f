// Sells tickets over plain NATS, in JSON, with nothing of Holdfast's but its subjects and words.
//
//   npm ci
//   node first-hold.mjs                      # an engine on nats://127.0.0.1:4222
//   NATS_URL=nats://127.0.0.1:4333 node first-hold.mjs
//
// Prints every request and reply. Ends with exit status 1 at the first reply that is not what docs/wire.md says.
import assert from "node:assert/strict";
import { connect } from "@nats-io/transport-node";

const servers = process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const run = Date.now().toString(36); // a new event each time the script runs
const event = `night-one-${run}`;
const nats = await connect({ servers, timeout: 5000, maxReconnectAttempts: 0 }).catch((problem) => {
  console.error(`no engine at ${servers} (${problem.message}): start one with: go run ./cmd/engine serve`);
  process.exit(1);
});

// ask sends one command and returns what came back. Every command that changes something carries a request_id: after a lost answer the
// same command with the same id may be sent again, and has its effect once.
async function ask(verb, body) {
  const subject = `holdfast.v1.events.${event}.${verb}`;
  console.log(`-> ${subject}\n   ${JSON.stringify(body)}`);
  const message = await nats.request(subject, JSON.stringify(body), { timeout: 5000 });
  console.log(`<- ${message.string()}\n`);
  const reply = message.json();
  if (body.request_id !== undefined) assert.equal(reply.request_id, body.request_id, "every reply echoes request_id");
  // A refusal is in the body and, for clients that only look at headers, in the NATS service headers.
  assert.equal(message.headers?.get("Nats-Service-Error-Code") || undefined, reply.error?.code, "the header carries the refusal's code");
  return reply;
}

async function accepted(verb, body) {
  const reply = await ask(verb, body);
  assert.equal(reply.error, undefined, `${verb} was refused`);
  return reply;
}

async function refused(code, verb, body) {
  const reply = await ask(verb, body);
  assert.equal(reply.error?.code, code, `${verb} should have been refused with ${code}`);
  assert.ok(reply.error.message, "a refusal has a sentence for people");
  return reply.error;
}

try {
  // An organiser puts a night on sale: 3 places to stand, and 20 seats in row 1 of section A.
  await accepted("create", {
    request_id: "c1", name: "Night One", genre: "concert", performer: "The Openers", venue: "Arena",
    city: "Utrecht", country: "NL", time_zone: "Europe/Amsterdam", starts_at: "2030-06-01T18:00:00Z",
    currency: "EUR", hold_ttl_ms: 120000, max_hold_ms: 600000, limit_per_buyer: 4, open: true,
    lots: [
      { lot: "ga", face_minor: 4500, fees: [{ name: "service", minor: 250 }], capacity: 3 },
      { lot: "stalls", face_minor: 9000, fees: [{ name: "service", minor: 450 }], rows: [{ section: "A", row: "1", seats: 20 }] },
    ],
  });

  // b1 takes two tickets out of sale for two minutes. Money is in minor units: 2 x (45.00 + 2.50) EUR.
  const hold = { request_id: "h1", buyer: "b1", items: [{ lot: "ga", quantity: 2 }] };
  const first = await accepted("hold", hold);
  assert.equal(first.hold.state, "held");
  assert.equal(first.hold.total_minor, 9500);
  assert.equal(first.hold.currency, "EUR");
  assert.ok(Date.parse(first.hold.expires_at) > Date.now(), "the hold has its deadline ahead of it");

  // The same request again, as after a lost answer: the same hold, and nothing more is taken.
  const again = await accepted("hold", hold);
  assert.equal(again.repeated, true);
  assert.equal(again.hold.id, first.hold.id);

  // The same request id with other content is a mistake of the caller.
  await refused("request_mismatch", "hold", { ...hold, items: [{ lot: "ga", quantity: 1 }] });

  // b1 has paid elsewhere: the hold becomes an order with two tickets.
  const sold = await accepted("confirm", { request_id: "k1", buyer: "b1", hold: first.hold.id, payment_ref: "inv-77" });
  assert.equal(sold.order.total_minor, 9500);
  assert.equal(sold.order.tickets.length, 2);

  // One place is left, so two are refused, unless the caller takes what there is.
  const short = await refused("sold_out", "hold", { request_id: "h2", buyer: "b2", items: [{ lot: "ga", quantity: 2 }] });
  assert.equal(short.retryable, false);
  const rest = await accepted("hold", { request_id: "h3", buyer: "b2", items: [{ lot: "ga", quantity: 2 }], fill: "best_effort" });
  assert.equal(rest.hold.items[0].quantity, 1);

  // b1 has two of four tickets. Three more seats are too many.
  await refused("limit_reached", "hold", { request_id: "h4", buyer: "b1", items: [{ lot: "stalls", seats: ["A/1/1", "A/1/2", "A/1/3"] }] });

  // Chosen seats have one owner.
  const seats = await accepted("hold", { request_id: "h5", buyer: "b3", items: [{ lot: "stalls", seats: ["A/1/4", "A/1/5"] }] });
  await refused("seat_taken", "hold", { request_id: "h6", buyer: "b4", items: [{ lot: "stalls", seats: ["A/1/5", "A/1/6"] }] });

  // b3 changes their mind: the seats are free at once. To another buyer the hold does not exist.
  await refused("hold_unknown", "release", { request_id: "r1", buyer: "b4", hold: seats.hold.id });
  await accepted("release", { request_id: "r2", buyer: "b3", hold: seats.hold.id });

  // A typing mistake is never ignored: the answer names the field.
  const typo = await refused("unknown_field", "hold", { request_id: "h7", buyer: "b5", items: [{ lot: "ga", quantty: 1 }] });
  assert.match(`${typo.field} ${typo.message}`, /quantty/);

  // Every ticket is somewhere: free + held + paying + sold + blocked = capacity.
  const { event: now } = await accepted("get", {});
  assert.equal(now.state, "on_sale");
  for (const lot of now.lots) assert.equal(lot.free + lot.held + lot.paying + lot.sold + lot.blocked, lot.capacity, lot.lot);
  const ga = now.lots.find((lot) => lot.lot === "ga");
  assert.deepEqual([ga.capacity, ga.free, ga.held, ga.sold], [3, 0, 1, 2]);
  const stalls = now.lots.find((lot) => lot.lot === "stalls");
  assert.deepEqual([stalls.capacity, stalls.free], [20, 20]);
  console.log(`all as documented: event ${event}`);
} catch (problem) {
  console.error(problem.message ?? problem);
  process.exitCode = 1;
} finally {
  await nats.close();
}
