-- Holds tickets: one atomic step, as a hold is in Holdfast.
--   KEYS  the event's hash, the event's sorted set of deadlines
--   ARGV  request id, buyer, quantity
-- Answers "held <deadline>", "repeated <deadline>", or a code that says why not. A hold's id is the request id that took it. Times are in milliseconds.
--
-- The hash has everything that a hold reads and writes, so that one HMGET and one HSET do:
--   free held sold limit ttl        the event
--   r:<request>                     "<buyer> <quantity> <deadline>", for ever
--   b:<buyer>                       "<sold> <quantity held> <hold> <deadline>"
local request, buyer, quantity = 'r:' .. ARGV[1], 'b:' .. ARGV[2], tonumber(ARGV[3])
local e = redis.call('HMGET', KEYS[1], 'free', 'held', 'limit', 'ttl', request, buyer)
if not e[1] then return 'event_unknown' end
if e[5] then
  local by, asked, deadline = string.match(e[5], '^(%S+) (%S+) (%S+)$')
  if by ~= ARGV[2] or asked ~= ARGV[3] then return 'request_mismatch' end
  return 'repeated ' .. deadline
end

-- A buyer's new hold replaces the one before, whose tickets count as free and outside the limit.
local sold, own = 0, 0
if e[6] then
  local s, q = string.match(e[6], '^(%S+) (%S+)')
  sold, own = tonumber(s), tonumber(q)
end
if sold + quantity > tonumber(e[3]) then return 'limit_reached' end
local free = e[1] + own - quantity
if free < 0 then return 'sold_out' end

local now = redis.call('TIME')
local deadline = now[1] * 1000 + math.floor(now[2] / 1000) + e[4]
redis.call('HSET', KEYS[1], 'free', free, 'held', e[2] - own + quantity,
  request, ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. deadline,
  buyer, sold .. ' ' .. ARGV[3] .. ' ' .. ARGV[1] .. ' ' .. deadline)
redis.call('ZADD', KEYS[2], deadline, ARGV[2])
return 'held ' .. deadline
