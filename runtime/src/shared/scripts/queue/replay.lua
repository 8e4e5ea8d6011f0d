-- Puts a dead letter back on the stream, its attempts forgotten.
-- KEYS: stream, delayed, packed, dead. ARGV: place among the dead
local found = redis.call('XRANGE', KEYS[4], ARGV[1], ARGV[1])
if #found == 0 then
  return 0
end
local entry = {}
local fields = found[1][2]
for i = 1, #fields, 2 do
  entry[fields[i]] = fields[i + 1]
end
redis.call('XADD', KEYS[1], '*', 'id', entry.id, 'key', entry.key, 'call', entry.call, 'n', '0',
  'data', entry.data)
redis.call('XDEL', KEYS[4], ARGV[1])
return 1
