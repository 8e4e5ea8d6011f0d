-- How a probe ended: `ok`, `failed`, or `gone` where its call counted as nothing. A token that holds
-- no place any more changes nothing: its epoch is over, or its lease ended and another has the place.

local token, outcome = ARGV[16], ARGV[17]

local function place_of(b)
  for slot, lease in pairs(b.slots) do
    if lease.token == token and lease.epoch == b.epoch then return slot end
  end
end

return run(function(b)
  local slot = place_of(b)
  if not slot or b.state ~= HALF_OPEN then return 0 end
  if outcome == 'failed' then
    open(b)
  elseif outcome == 'ok' and b.successes + 1 >= rules.close_after then
    move(b, CLOSED)
  else
    if outcome == 'ok' then redis.call('HINCRBY', STATE, 'ps', 1) end
    redis.call('HDEL', STATE, 'p' .. slot)
    keep(b)
  end
  return 1
end)
