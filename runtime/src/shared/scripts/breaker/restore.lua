-- Makes good what the server lost: writes what an instance remembers where the server's epoch is
-- lower. The epoch stays the instance's own. Only transitions make new ones, or a stale memory of a
-- closed breaker could erase a newer open one.

local epoch, state, left = tonumber(ARGV[16]), tonumber(ARGV[17]), tonumber(ARGV[18])
local opens, lock = tonumber(ARGV[19]), ARGV[20]

-- Probes may be out whose leases were lost. Their places stay taken for as long as they may last, so
-- that there are never more probes than allowed.
local function lost_leases(b)
  local ends = b.now + rules.probe_timeout
  for slot = 1, rules.half_open do
    redis.call('HSET', STATE, 'p' .. slot, whole(epoch) .. '.0:' .. whole(ends) .. ':')
  end
end

return run(function(b)
  if epoch <= b.epoch then return 0 end
  b.lock = LOCKS[lock] and lock or ''
  b.opens = opens
  b.tripped = { calls = 0, failed = 0, slow = 0 }
  -- One that is due stays open with nothing left: its first probe must still be a transition.
  b.open_until = b.now + math.min(math.max(0, left), rules.longest_open)
  store(b, epoch, state <= HALF_OPEN and state or CLOSED)
  if b.state == HALF_OPEN then lost_leases(b) end
  return 1
end)
