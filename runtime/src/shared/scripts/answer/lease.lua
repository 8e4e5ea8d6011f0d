-- Lengthens a lease, or ends it: whoever holds it now is not touched.
--
-- KEYS: the lease. ARGV: its token, how long from now on (ms), or 0 to end it.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '0' then
  return redis.call('DEL', KEYS[1])
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
