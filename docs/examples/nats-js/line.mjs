// Sells tickets through a line over plain NATS, in JSON, with nothing of Holdfast's but its subjects and words: lobby, draw, pass, and what a pass is not good for.
//
//   npm ci
//   node line.mjs                                # an engine on nats://127.0.0.1:4222
//   NATS_URL=nats://127.0.0.1:4333 node line.mjs
//
// The draw, and a receipt, are verified by ../line-verify/verify.mjs, which shares no code with the engine. Prints every request and reply. Ends with exit status 1
// at the first reply that is not what docs/wire.md says. It takes some 12 seconds: a pass has to run out.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "@nats-io/transport-node";

const servers = process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const event = `gala-${Date.now().toString(36)}`; // a new event each time the script runs
const crowd = ["anna", "ben", "carl", "dora", "ed", "fay", "gil", "hal"];
const nats = await connect({ servers, timeout: 5000, maxReconnectAttempts: 0 }).catch((problem) => {
  console.error(`no engine at ${servers} (${problem.message}): start one with: go run ./cmd/engine serve`);
  process.exit(1);
});
const folder = mkdtempSync(join(tmpdir(), "line-"));

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
const two = [{ lot: "ga", quantity: 2 }];

// follow keeps what is published on a subject; until waits for a message that matches, and forgets those before it.
function follow(subject) {
  const said = [];
  let wake = () => {};
  nats.subscribe(subject, { callback: (problem, message) => { if (!problem) { said.push(message); wake(); } } });
  return {
    async until(what, matches) {
      for (const end = Date.now() + 20000; ; ) {
        while (said.length > 0) {
          const message = said.shift();
          if (!matches(message.json())) continue;
          console.log(`<- ${message.subject}\n   ${message.string()}\n`);
          return message.json();
        }
        if (Date.now() > end) throw new Error(`it was not published: ${what}`);
        await new Promise((done) => { wake = done; setTimeout(done, 1000); });
      }
    },
  };
}

try {
  // Two passes at once, ten seconds each; and the draw waits for a public value.
  await accepted(events("create"), {
    request_id: "c1", name: "Gala", currency: "EUR", limit_per_buyer: 4,
    line: { mode: "line", draw_value: true, pass_ttl_ms: 10000, shoppers_max: 2 },
    lots: [{ lot: "ga", face_minor: 4500, fees: [{ name: "service", minor: 250 }], capacity: 100 }],
  });
  const now = follow(`holdfast.v1.line.${event}`); // of the line, each second
  const told = {}; // of single buyers: what has become of them
  for (const buyer of crowd) told[buyer] = follow(`holdfast.v1.line.${event}.${buyer}`);

  // The lobby opens once the hash of a secret seed is public.
  const { line: lobby } = await now.until("the lobby opens", (m) => m.line?.phase === "lobby");
  assert.match(lobby.commit, /^[0-9a-f]{64}$/);

  // Everybody joins; who joins again keeps the place. The receipt is the engine's signed word.
  const receipts = {};
  for (const buyer of crowd) {
    const { place } = await accepted(events("join"), { request_id: `j-${buyer}`, buyer, wants: 2 });
    receipts[buyer] = place.receipt;
    assert.equal(place.receipt.buyer, buyer);
    assert.equal(place.receipt.commit, lobby.commit);
  }
  const again = await accepted(events("join"), { request_id: "again", buyer: "ben" });
  assert.equal(again.place.entry, 2);

  // The event opens: the lobby closes with a root over its list. The value comes after that, and then the seed.
  await accepted(events("open"), { request_id: "o1" });
  const { line: closed } = await now.until("the root of the list", (m) => m.line?.root !== undefined);
  assert.equal(closed.seed, undefined, "the seed is published after the root");
  assert.equal(closed.entries, crowd.length);
  await accepted(events("draw"), { request_id: "v1", value: "lottery of 1 June 2030: 7 14 21 28 35 42" });
  const { line: drawn } = await now.until("the seed", (m) => m.line?.phase === "serving");
  assert.equal(drawn.commit, lobby.commit);
  assert.equal(drawn.root, closed.root);

  // Anybody can recompute the draw from what was published.
  const list = await accepted(events("place"), { entries_from: 1 });
  const draw = {
    lobby: { account: receipts.anna.account, event, commit: lobby.commit, draw_value: true },
    entries: [{ from: list.line.leaves_from, leaves: list.line.leaves }],
    closed: { root: closed.root, entries: closed.entries },
    revealed: { seed: drawn.seed, value: drawn.value },
  };
  const files = { draw: join(folder, "draw.json"), receipt: join(folder, "receipt.json"), keys: join(folder, "jwks.json") };
  writeFileSync(files.draw, JSON.stringify(draw));
  const { keys } = await accepted("holdfast.v1.jwks", {});
  writeFileSync(files.keys, JSON.stringify({ keys }));
  const script = fileURLToPath(new URL("../line-verify/verify.mjs", import.meta.url));
  const places = {};
  for (const buyer of crowd) {
    writeFileSync(files.receipt, JSON.stringify(receipts[buyer]));
    const verdict = execFileSync(process.execPath, [script, files.draw, files.receipt, files.keys]).toString().trim();
    const { place } = await accepted(events("place"), { buyer });
    places[buyer] = place.place;
    assert.equal(verdict, `VERIFIED: entry ${receipts[buyer].entry} of ${crowd.length} has place ${place.place}`);
    console.log(`${buyer}: ${verdict}\n`);
  }

  // The first two places have passes: the engine says so, and a pass has a signed form for whoever keeps a crowd away from a shop.
  const order = crowd.toSorted((a, b) => places[a] - places[b]);
  const [first, second, third] = order;
  const { place: admitted } = await told[first].until(`${first} is admitted`, (m) => m.place?.state === "admitted");
  assert.deepEqual(admitted.prices, [{ lot: "ga", total_minor: 4750 }]);
  const [header, payload, signature] = admitted.pass.split(".");
  const { kid, typ } = JSON.parse(Buffer.from(header, "base64url"));
  assert.equal(typ, "holdfast-pass+jwt");
  const key = createPublicKey({ key: keys.find((k) => k.kid === kid), format: "jwk" });
  assert.ok(verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url")), "the pass is signed by the engine");
  const claims = JSON.parse(Buffer.from(payload, "base64url"));
  assert.deepEqual([claims.evt, claims.sub, claims.plc], [event, first, 1]);
  const { place: next } = await told[second].until(`${second} is admitted`, (m) => m.place?.state === "admitted");

  // A pass is of its buyer: whoever waits, or is not in the line at all, gets nothing while others have one.
  await refused("pass_required", events("hold"), { request_id: "x1", buyer: third, items: two });
  await refused("pass_required", events("hold"), { request_id: "x2", buyer: "a-stranger", items: two });

  // With it the buyer holds, changes their mind, and buys.
  await accepted(events("hold"), { request_id: "h1", buyer: first, items: [{ lot: "ga", quantity: 1 }] });
  const { hold } = await accepted(events("hold"), { request_id: "h2", buyer: first, items: two });
  const bought = await accepted(events("confirm"), { request_id: "k1", buyer: first, hold: hold.id, payment_ref: "inv-1" });
  assert.equal(bought.order.total_minor, 9500);

  // The order has spent it: another needs another pass. And the next in line has one now.
  await refused("pass_required", events("hold"), { request_id: "x3", buyer: first, items: two });
  const spent = await accepted(events("place"), { buyer: first });
  assert.equal(spent.place.state, "spent");
  await told[third].until(`${third} is admitted`, (m) => m.place?.state === "admitted");

  // The second one does nothing until the pass has run out.
  await new Promise((done) => setTimeout(done, Math.max(0, Date.parse(next.until) - Date.now()) + 200));
  await refused("pass_expired", events("hold"), { request_id: "x4", buyer: second, items: two });
  await told[second].until(`the pass of ${second} has run out`, (m) => m.place?.state === "lapsed");

  // Nobody was overtaken.
  const { event: shown } = await accepted(events("get"), { fairness: true });
  assert.equal(shown.line.overtaken ?? 0, 0);
  assert.equal(shown.line.fairness.all.ordered, 1);
  await accepted(events("close"), { request_id: "z1" });
  const last = await accepted(events("place"), { buyer: order.at(-1) });
  assert.equal(last.place.state, "over", "who still waited is told that it is over");
  console.log(`all as documented: event ${event}`);
} catch (problem) {
  console.error(problem.message ?? problem);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
  await nats.close();
}
