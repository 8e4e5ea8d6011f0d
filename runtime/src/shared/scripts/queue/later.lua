-- Takes an entry off the stream until it is due again. Where another consumer has settled it, nothing.
-- KEYS: stream, delayed, packed, dead. ARGV: group, place in the stream, id, delay in ms, packed entry
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then
  return 0
end
redis.call('XDEL', KEYS[1], ARGV[2])
local now = redis.call('TIME')
local due = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[4]
redis.call('ZADD', KEYS[2], due, ARGV[3])
redis.call('HSET', KEYS[3], ARGV[3], ARGV[5])
return 1
