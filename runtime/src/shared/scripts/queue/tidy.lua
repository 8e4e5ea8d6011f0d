-- Forgets workers that hold nothing and have not been heard of for long.
-- KEYS: stream, delayed, packed, dead. ARGV: group, how long in ms
local all = redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
local gone = 0
for _, consumer in ipairs(all) do
  local known = {}
  for i = 1, #consumer, 2 do
    known[consumer[i]] = consumer[i + 1]
  end
  if known.pending == 0 and known.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], known.name)
    gone = gone + 1
  end
end
return gone
