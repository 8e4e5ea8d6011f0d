-- Asks for a probe: its token, or nothing where none is due or none is free. An open breaker whose
-- time is over becomes half-open with the first that asks.

local instance = ARGV[16]

return run(function(b)
  if b.lock ~= '' or b.state == CLOSED then return '' end
  if b.state == OPEN then
    if b.open_until > b.now then return '' end
    move(b, HALF_OPEN)
  end
  return lease(b, instance)
end)
