-- Notes calls in a window, as many as there is room for, up to what is wanted. The window is an exact log:
-- a set of calls, each with its time, none of them named by its time alone.
--
-- ARGV: how many there may be, length of the window, how many are wanted, the name of the first.
-- Reply: as that of bucket.lua; there is no sum, and nothing is given back.

local max, per, want, name = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]

-- A call exactly one window old is out.
redis.call('ZREMRANGEBYSCORE', KEY, '-inf', exact(now - per))
-- After a clock was set back, calls of what is now the future count as those of now.
for _, call in ipairs(redis.call('ZRANGEBYSCORE', KEY, '(' .. exact(now), '+inf')) do
  redis.call('ZADD', KEY, exact(now), call)
end

local held = redis.call('ZCARD', KEY)
local granted = math.max(0, math.min(want, max - held))
for i = 1, granted do
  redis.call('ZADD', KEY, exact(now), name .. ':' .. i)
end
if granted > 0 then
  redis.call('PEXPIRE', KEY, lifetime(per))
end

local function leaves_in(place)
  local call = redis.call('ZRANGE', KEY, place, place, 'WITHSCORES')
  return call[2] and upwards(tonumber(call[2]) + per - now) or 0
end

local wait = granted < want and math.max(1, leaves_in(0)) or 0
return { granted, wait, math.max(0, max - held - granted), leaves_in(-1), '0', '0', exact(now) }
