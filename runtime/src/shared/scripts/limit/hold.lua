-- Says that members are still inside; who was forgotten is inside again, be it one too many.
--
-- ARGV: length of the lease, how many they are, their names.

local lease, members = tonumber(ARGV[1]), tonumber(ARGV[2])
for i = 1, members do
  redis.call('ZADD', KEY, exact(now + lease), ARGV[2 + i])
end
redis.call('PEXPIRE', KEY, lifetime(lease))
return members
