// Recomputes a place from what was published of a draw, as docs/line.md says, with nothing but this browser's own hash functions.

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const encode = (text) => new TextEncoder().encode(text);
const same = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);
const less = (a, b) => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] < b[i];
  return false;
};

function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

function u32(n) {
  const b = new Uint8Array(4);
  new DataView(b.buffer).setUint32(0, n);
  return b;
}

const text = (s) => joined(u32(encode(s).length), encode(s));
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
const node = (left, right) => sha256(Uint8Array.of(1), left, right);
const leafOf = (r) => sha256(Uint8Array.of(0), encode("holdfast line entry 1\n"), bytes(r.commit), u32(r.entry), text(r.account), text(r.event), text(r.buyer));

// rootOf is the root of the tree over leaves (RFC 6962, section 2.1): a node without a sibling goes up as it is.
async function rootOf(leaves) {
  let level = leaves;
  while (level.length > 1) {
    const pairs = [];
    for (let i = 0; i < level.length; i += 2) pairs.push(i + 1 < level.length ? node(level[i], level[i + 1]) : level[i]);
    level = await Promise.all(pairs);
  }
  return level[0];
}

// follow is the root that a path leads to from a leaf, null if the path does not fit (RFC 9162, section 2.1.3.2).
async function follow(leaf, index, size, path) {
  let at = index, last = size - 1, hash = leaf;
  if (index >= size) return null;
  for (const sibling of path) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      hash = await node(sibling, hash);
      while (at % 2 === 0 && at !== 0) {
        at = Math.floor(at / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = await node(hash, sibling);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : null;
}

// signed checks a receipt's path and signature. It returns null where this browser knows no Ed25519.
async function signed(receipt, leaf, keys) {
  const root = bytes(receipt.root), reached = await follow(leaf, receipt.index ?? 0, receipt.size, (receipt.path ?? []).map(bytes));
  if (!reached || !same(reached, root)) throw new Error("the path of the receipt does not lead to its root");
  const jwk = keys.find((k) => k.kid === receipt.kid);
  if (!jwk) throw new Error("the receipt is signed with a key that the shop does not publish");
  let key;
  try {
    key = await crypto.subtle.importKey("jwk", { kty: jwk.kty, crv: jwk.crv, x: jwk.x }, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return null;
  }
  const statement = joined(encode("holdfast line receipt 1\n"), u32(receipt.size), root);
  if (!(await crypto.subtle.verify({ name: "Ed25519" }, key, bytes(receipt.signature), statement))) throw new Error("the signature of the receipt is not that of the shop's key");
  return true;
}

/**
 * Checks a draw of { commit, root, seed, value, entries, leaves } and returns { place, of, genuine } for a receipt: its place, of how many, and whether its signature
 * is genuine, null if this browser cannot say. Throws an Error that says what is not as it should be.
 */
export async function checkPlace(draw, receipt, keys) {
  const seed = bytes(draw.seed), leaves = draw.leaves.map(bytes);
  if (!same(await sha256(seed), bytes(draw.commit))) throw new Error("the seed is not the one whose hash was shown before");
  if (receipt.commit !== draw.commit) throw new Error("another hash was shown when you joined");
  if (leaves.length !== draw.entries) throw new Error(`the list has ${leaves.length} entries and should have ${draw.entries}`);
  const root = bytes(draw.root);
  if (!same(await rootOf(leaves), root)) throw new Error("the list is not the one that the lobby closed with");
  const mine = await leafOf(receipt);
  const genuine = await signed(receipt, mine, keys);
  if (!leaves[receipt.entry - 1] || !same(leaves[receipt.entry - 1], mine)) throw new Error("your entry is not in the list where your receipt says");
  const key = await crypto.subtle.importKey("raw", seed, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const constant = joined(root, await sha256(encode(draw.value ?? "")));
  const keyed = await Promise.all(leaves.map(async (leaf) => new Uint8Array(await crypto.subtle.sign("HMAC", key, joined(constant, leaf))).subarray(0, 16)));
  const own = keyed[receipt.entry - 1];
  let place = 1;
  keyed.forEach((k, i) => {
    if (less(k, own) || (i < receipt.entry - 1 && same(k, own))) place++;
  });
  return { place, of: leaves.length, genuine };
}
