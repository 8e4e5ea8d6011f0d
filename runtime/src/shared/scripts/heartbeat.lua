-- Says that an instance is there, and counts those that are: sorted by when each was last heard of.
-- The clock is the server's, in microseconds.

local INSTANCES = KEYS[1]
local instance, expiry = ARGV[1], tonumber(ARGV[2])

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1e6 + tonumber(time[2])

redis.call('ZADD', INSTANCES, string.format('%.0f', now), instance)
redis.call('ZREMRANGEBYSCORE', INSTANCES, '-inf', string.format('(%.0f', now - expiry))
-- A clock that went back leaves instances in the future, which never would expire.
redis.call('ZREMRANGEBYSCORE', INSTANCES, string.format('(%.0f', now + expiry), '+inf')
redis.call('PEXPIRE', INSTANCES, string.format('%.0f', 4 * expiry / 1000))
return redis.call('ZCARD', INSTANCES)
