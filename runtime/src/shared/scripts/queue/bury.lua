-- Moves an entry to the dead letters. Where another consumer has settled it, nothing.
-- KEYS: stream, delayed, packed, dead. ARGV: group, place in the stream, id, key, call, n, data, class, error
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then
  return 0
end
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('XADD', KEYS[4], '*', 'id', ARGV[3], 'key', ARGV[4], 'call', ARGV[5], 'n', ARGV[6],
  'data', ARGV[7], 'class', ARGV[8], 'error', ARGV[9])
return 1
