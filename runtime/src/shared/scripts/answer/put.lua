-- Keeps an answer, unless a younger one is there, and gives back the lease under which it was fetched.
--
-- KEYS: the answer, the lease. ARGV: format, age (µs), how long it is kept from now on (ms), data, token of the
-- lease (empty where there was none).

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local at = now - tonumber(ARGV[2])
local stored = tonumber(redis.call('HGET', KEYS[1], 'at') or '')
-- One from the future was written before the clock was set back.
if not stored or stored <= at or stored > now then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'f', ARGV[1], 'at', string.format('%.0f', at), 'd', ARGV[4])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
if ARGV[5] ~= '' and redis.call('GET', KEYS[2]) == ARGV[5] then
  redis.call('DEL', KEYS[2])
end
return 1
