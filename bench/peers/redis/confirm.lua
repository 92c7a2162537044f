-- Sells what a buyer holds. KEYS and the hash are those of hold.lua; ARGV is the buyer and the hold. Answers "confirmed" or a code.
local buyer = 'b:' .. ARGV[1]
local e = redis.call('HMGET', KEYS[1], 'held', 'sold', buyer)
if not e[3] then return 'hold_unknown' end
local sold, quantity, hold, deadline = string.match(e[3], '^(%S+) (%S+) (%S+) (%S+)$')
if hold ~= ARGV[2] then return 'hold_unknown' end
local now = redis.call('TIME')
if now[1] * 1000 + math.floor(now[2] / 1000) >= tonumber(deadline) then return 'hold_expired' end
redis.call('HSET', KEYS[1], 'held', e[1] - quantity, 'sold', e[2] + quantity, buyer, (sold + quantity) .. ' 0 - 0')
redis.call('ZREM', KEYS[2], ARGV[1])
return 'confirmed'
