-- Gives places to members, as many as are free. Each is leased, and given up unless its holder says in time
-- that it is still there.
--
-- ARGV: places, length of the lease, how many want one, their names.
-- Reply: how many of them have one, the first first; time until the next lease ends.

local max, lease, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

redis.call('ZREMRANGEBYSCORE', KEY, '-inf', exact(now))
-- After a clock was set back no lease is longer than a lease.
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEY, '(' .. exact(now + lease), '+inf')) do
  redis.call('ZADD', KEY, exact(now + lease), member)
end

local free = math.max(0, max - redis.call('ZCARD', KEY))
local entered = math.min(free, want)
for i = 1, entered do
  redis.call('ZADD', KEY, exact(now + lease), ARGV[3 + i])
end
if entered > 0 then
  redis.call('PEXPIRE', KEY, lifetime(lease))
end
local next = redis.call('ZRANGE', KEY, 0, 0, 'WITHSCORES')
return { entered, next[2] and upwards(tonumber(next[2]) - now) or 0 }
