-- Puts the tickets of due holds back on sale, at most ARGV[1] holds a call. KEYS and the hash are those of hold.lua. Answers how many holds it ended.
local now = redis.call('TIME')
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now[1] * 1000 + math.floor(now[2] / 1000), 'LIMIT', 0, ARGV[1])
for _, buyer in ipairs(due) do
  local e = redis.call('HMGET', KEYS[1], 'free', 'held', 'b:' .. buyer)
  local sold, quantity = string.match(e[3], '^(%S+) (%S+)')
  redis.call('HSET', KEYS[1], 'free', e[1] + quantity, 'held', e[2] - quantity, 'b:' .. buyer, sold .. ' 0 - 0')
  redis.call('ZREM', KEYS[2], buyer)
end
return #due
