-- What is kept under a key, and whether the asker may make the call that brings the next answer: one in the
-- fleet at a time.
--
-- KEYS: the answer, the lease. ARGV: how old an answer is fresh (µs), the asker's token, length of its lease
-- (ms). Without a token no lease is wanted.
-- Reply: the format, age in µs, and data of what is kept (empty where nothing is); who has the lease.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = redis.call('HMGET', KEYS[1], 'f', 'at', 'd')
local at = tonumber(kept[2] or '')
-- After a clock was set back nothing is younger than new.
local age = at and math.max(0, now - at) or 0
local holder = ''
local fresh = kept[3] and at and age < tonumber(ARGV[1])
if ARGV[2] ~= '' and not fresh then
  if redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then
    holder = ARGV[2]
  else
    holder = redis.call('GET', KEYS[2]) or ''
  end
end
return { kept[1] or '', age, kept[3] or '', holder }
