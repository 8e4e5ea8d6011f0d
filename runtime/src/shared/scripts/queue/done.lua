-- Takes entries that are done off the stream.
-- KEYS: stream, delayed, packed, dead. ARGV: group, ids …
for i = 2, #ARGV do
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  redis.call('XDEL', KEYS[1], ARGV[i])
end
return #ARGV - 1
