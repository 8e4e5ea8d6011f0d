-- Puts entries that are due back on the stream; answers how many, and the ms until the next is due (-1: none).
-- KEYS: stream, delayed, packed, dead. ARGV: how many at most
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, id in ipairs(due) do
  local packed = redis.call('HGET', KEYS[3], id)
  if packed then
    local entry = cjson.decode(packed)
    redis.call('XADD', KEYS[1], '*', 'id', entry[1], 'key', entry[2], 'call', entry[3],
      'n', entry[4], 'data', entry[5])
  end
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
end
local next = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #next == 0 then
  return { #due, -1 }
end
return { #due, math.max(0, next[2] - now) }
