// Recomputes a draw from what was published of it, and nothing else: docs/line.md says what is published when, and what each check proves.
// It needs Node.js and no packages, and shares no code with the engine.
//
//   node verify.mjs draw.json                                 every place, and whether commit and root are what was published
//   node verify.mjs draw.json receipt.json jwks.json          the place of one receipt, and whether it is genuine
//
// It ends with status 1, and says why, as soon as anything is not what it should be.
import { createHash, createHmac, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'

const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash('sha256')).digest()
const same = (a, b) => Buffer.compare(a, b) === 0
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b }
const text = (s) => { const b = Buffer.from(s, 'utf8'); return Buffer.concat([u32(b.length), b]) }
const node = (left, right) => sha256(Buffer.from([1]), left, right)

function fail (why) {
  console.error(`NOT VERIFIED: ${why}`)
  process.exit(1)
}

function hex (value, length, what) {
  if (typeof value !== 'string' || !/^[0-9a-f]*$/.test(value) || value.length !== 2 * length) fail(`${what} is not ${length} bytes in hexadecimal`)
  return Buffer.from(value, 'hex')
}

// root is the root of the tree over leaves (RFC 6962, section 2.1): a node without a sibling goes up as it is.
function root (leaves) {
  if (leaves.length === 0) return sha256()
  let level = leaves
  while (level.length > 1) {
    const up = []
    for (let i = 0; i < level.length; i += 2) up.push(i + 1 < level.length ? node(level[i], level[i + 1]) : level[i])
    level = up
  }
  return level[0]
}

// follow is the root that a path leads to from a leaf, at index of a tree of size leaves; null if the path does not fit (RFC 9162, section 2.1.3.2).
function follow (leaf, index, size, path) {
  if (index >= size) return null
  let at = index
  let last = size - 1
  let hash = leaf
  for (const sibling of path) {
    if (last === 0) return null
    if (at % 2 === 1 || at === last) {
      hash = node(sibling, hash)
      while (at % 2 === 0 && at !== 0) {
        at = Math.floor(at / 2)
        last = Math.floor(last / 2)
      }
    } else {
      hash = node(hash, sibling)
    }
    at = Math.floor(at / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 ? hash : null
}

// drawn is the place of each entry: ascending keys, and where keys are equal, ascending entries.
function drawn (seed, rootHash, value, leaves) {
  const constant = Buffer.concat([rootHash, sha256(Buffer.from(value, 'utf8'))])
  const keys = leaves.map((leaf) => createHmac('sha256', seed).update(constant).update(leaf).digest().subarray(0, 16))
  const order = keys.map((_, i) => i).sort((a, b) => Buffer.compare(keys[a], keys[b]) || a - b)
  const places = new Array(leaves.length)
  order.forEach((entry, i) => { places[entry] = i + 1 })
  return places
}

const [drawFile, receiptFile, keysFile] = process.argv.slice(2)
if (!drawFile || (receiptFile && !keysFile)) {
  console.error('usage: node verify.mjs draw.json [receipt.json jwks.json]')
  process.exit(2)
}
const { lobby, entries, closed, revealed } = JSON.parse(readFileSync(drawFile, 'utf8'))

const commit = hex(lobby.commit, 32, 'the commit')
const seed = hex(revealed.seed, 32, 'the seed')
if (!same(sha256(seed), commit)) fail('the seed is not the one that the lobby was opened with')

const leaves = []
for (const page of entries) {
  if (page.from !== leaves.length + 1) fail(`the page from entry ${page.from} is not the next after entry ${leaves.length}`)
  for (const leaf of page.leaves) leaves.push(hex(leaf, 32, `the leaf of entry ${leaves.length + 1}`))
}
if (leaves.length !== closed.entries) fail(`the lobby closed with ${closed.entries} entries, the list has ${leaves.length}`)
const closedRoot = hex(closed.root, 32, 'the root')
if (!same(root(leaves), closedRoot)) fail('the list is not the one that the lobby closed with')

const value = revealed.value ?? ''
if (lobby.draw_value && value === '') fail('the lobby promised a public value, and none was used')
const places = drawn(seed, closedRoot, value, leaves)

if (!receiptFile) {
  places.forEach((place, i) => console.log(`entry ${i + 1} place ${place}`))
  console.log(`VERIFIED: ${leaves.length} entries of ${lobby.event}`)
  process.exit(0)
}

const receipt = JSON.parse(readFileSync(receiptFile, 'utf8'))
const { keys } = JSON.parse(readFileSync(keysFile, 'utf8'))
const jwk = keys.find((k) => k.kid === receipt.kid && k.kty === 'OKP' && k.crv === 'Ed25519')
if (!jwk) fail(`the account has no key ${receipt.kid}`)
const leaf = sha256(Buffer.from([0]), 'holdfast line entry 1\n', hex(receipt.commit, 32, 'the commit of the receipt'), u32(receipt.entry),
  text(receipt.account), text(receipt.event), text(receipt.buyer))
const path = (receipt.path ?? []).map((p) => hex(p, 32, 'the path'))
const batch = hex(receipt.root, 32, 'the root of the receipt')
const reached = follow(leaf, receipt.index, receipt.size, path)
if (!reached || !same(reached, batch)) fail('the path of the receipt does not lead to its root')
const signed = Buffer.concat([Buffer.from('holdfast line receipt 1\n'), u32(receipt.size), batch])
const key = createPublicKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x }, format: 'jwk' })
if (!verify(null, signed, key, hex(receipt.signature, 64, 'the signature'))) fail('the signature of the receipt is not that of the key')

// From here on the receipt is genuine: whatever differs was changed by whoever published it.
if (receipt.event !== lobby.event || receipt.account !== lobby.account) fail('the receipt is genuine, but of another event')
if (!same(hex(receipt.commit, 32, 'the commit of the receipt'), commit)) fail('the receipt is genuine, and says that the lobby had another commit when it was given')
if (receipt.entry > leaves.length || !same(leaves[receipt.entry - 1], leaf)) fail(`the receipt is genuine, and entry ${receipt.entry} of the list is not its buyer's`)
console.log(`VERIFIED: entry ${receipt.entry} of ${leaves.length} has place ${places[receipt.entry - 1]}`)
