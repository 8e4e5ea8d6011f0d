-- What every script of a breaker begins with: its keys, the caller's rules, what is stored, how a
-- transition is made, and the reply. Each script ends with `return run(function(b) … end)`, whose
-- result is the reply's last but one field: what the script says beside the state.
--
-- Times and lengths are microseconds. The only clock is the server's: instances get what remains.
-- All keys share one hash tag, so a script touches one slot of a cluster; it sends its effects to
-- replicas and log, never itself, so that reading the clock in it is sound.

local STATE, RING, BATCHES, FAILED = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local CLOSED, OPEN, HALF_OPEN = 0, 1, 2
local LOCKS = { forced_open = 3, disabled = 4 } -- as states in replies and announcements
local BUCKETS = 10
local HOUR, MINUTE = 3600e6, 60e6

-- The rules come with each call, since only instances are configured; while a new configuration
-- rolls out, those of one call may differ from those of the next.
local rules = {
  name = ARGV[1], publish = ARGV[2], channel = ARGV[3],
  window = tonumber(ARGV[4]),
  failures = tonumber(ARGV[5]), failure_rate = tonumber(ARGV[6]), slow_rate = tonumber(ARGV[7]),
  min_calls = tonumber(ARGV[8]), quorum = tonumber(ARGV[9]),
  recovery = tonumber(ARGV[10]), factor = tonumber(ARGV[11]), recovery_max = tonumber(ARGV[12]),
  half_open = tonumber(ARGV[13]), close_after = tonumber(ARGV[14]),
  probe_timeout = tonumber(ARGV[15]),
}
rules.longest_open = rules.factor > 1 and math.max(rules.recovery, rules.recovery_max) or rules.recovery
rules.bucket = math.max(1, math.floor(rules.window / BUCKETS))
-- What was not touched for so long is of no more use to anybody.
rules.lifetime = math.max(HOUR, 4 * rules.longest_open, 2 * rules.window)

-- Whole numbers up to 2^53, which `tostring` would round to 14 digits.
local function whole(number)
  return string.format('%.0f', number)
end

local function flat(reply)
  local fields = {}
  for i = 1, #reply, 2 do fields[reply[i]] = reply[i + 1] end
  return fields
end

local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1e6 + tonumber(time[2])
end

-- The leases of probes: slot → token, the epoch in it, when it ends, whose it is.
local function slots_of(fields)
  local slots = {}
  for field, value in pairs(fields) do
    local slot = string.match(field, '^p(%d+)$')
    if slot then
      local token, epoch, ends, instance = string.match(value, '^((%d+)%.%d+):(%d+):(%x*)$')
      if token then
        slots[tonumber(slot)] =
          { token = token, epoch = tonumber(epoch), ends = tonumber(ends), instance = instance }
      end
    end
  end
  return slots
end

-- The window: ring slot → last time something was added, calls, failed, slow. A bucket keeps a time,
-- not a number, so that instances with windows of two lengths can share one ring while a
-- configuration rolls out. `moved` says that the ring is not laid out as these rules do it.
local function ring_of(fields, now)
  local ring, moved = {}, false
  local current = math.floor(now / rules.bucket)
  for field, value in pairs(fields) do
    local slot = string.match(field, '^b(%d+)$')
    local time, calls, failed, slow = string.match(value, '^(%d+):(%d+):(%d+):(%d+)$')
    if slot and time then
      time = tonumber(time)
      local id = math.floor(time / rules.bucket)
      if id > current then
        moved = true -- counted before the server's clock went back
      elseif current - id < BUCKETS then
        local home = id % BUCKETS
        local held = ring[home] or { time = 0, calls = 0, failed = 0, slow = 0 }
        moved = moved or home ~= tonumber(slot)
        ring[home] = {
          time = math.max(held.time, time),
          calls = held.calls + tonumber(calls),
          failed = held.failed + tonumber(failed),
          slow = held.slow + tonumber(slow),
        }
      end
    end
  end
  return ring, moved
end

local function counts_of(ring)
  local sum = { calls = 0, failed = 0, slow = 0 }
  for _, bucket in pairs(ring) do
    for kind in pairs(sum) do sum[kind] = sum[kind] + bucket[kind] end
  end
  return sum
end

-- A clock that went back must not make an open time or a lease longer than it can be. What is
-- clamped is also stored, or it would be clamped anew at each look and never end.
local function clamp(b)
  local latest = b.now + rules.longest_open
  if b.state == OPEN and b.open_until > latest then
    b.open_until = latest
    redis.call('HSET', STATE, 'ou', whole(latest))
  end
  latest = b.now + rules.probe_timeout
  for slot, lease in pairs(b.slots) do
    if lease.ends > latest then
      lease.ends = latest
      redis.call('HSET', STATE, 'p' .. slot, lease.token .. ':' .. whole(latest) .. ':' .. lease.instance)
    end
  end
end

-- Reads all four keys before anything is written: one of a foreign type is an error here, with
-- nothing changed and nothing deleted. A breaker that is not stored is closed in epoch 0.
local function load()
  local stored = flat(redis.call('HGETALL', STATE))
  local number = function(field) return tonumber(stored[field]) or 0 end
  local b = {
    now = clock(),
    state = number('st'), epoch = number('ep'), open_until = number('ou'), opens = number('oc'),
    successes = number('ps'), fence = number('fc'), pruned = number('pq'),
    lock = LOCKS[stored.lock] and stored.lock or '',
    tripped = { calls = number('tc'), failed = number('tf'), slow = number('ts') },
    slots = slots_of(stored),
  }
  b.ring, b.moved = ring_of(flat(redis.call('HGETALL', RING)), b.now)
  redis.call('HLEN', BATCHES)
  redis.call('HLEN', FAILED)
  clamp(b)
  return b
end

local function shown(b)
  return LOCKS[b.lock] or b.state
end

local function remaining(b)
  if shown(b) ~= OPEN then return 0 end
  return math.max(0, b.open_until - b.now)
end

-- A lock lasts until somebody ends it; all else goes with the last instance.
local function keep(b)
  if b.lock ~= '' then
    redis.call('PERSIST', STATE)
    return
  end
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, whole(math.ceil(rules.lifetime / 1000))) end
end

-- Stores state and lock under an epoch, with counts and leases gone, and tells all instances.
-- The first write is an HSET, so that a server that takes no writes refuses before any is made.
local function store(b, epoch, state)
  b.epoch, b.state = epoch, state
  b.successes, b.slots, b.ring = 0, {}, {}
  if state ~= OPEN then b.open_until = 0 end
  if state == CLOSED then b.opens, b.tripped = 0, { calls = 0, failed = 0, slow = 0 } end
  local stale = {}
  for _, field in ipairs(redis.call('HKEYS', STATE)) do
    if string.match(field, '^p%d+$') then stale[#stale + 1] = field end
  end
  redis.call('HSET', STATE, 'st', state, 'ep', whole(epoch), 'ou', whole(b.open_until),
    'oc', whole(b.opens), 'ps', 0, 'lock', b.lock,
    'tc', whole(b.tripped.calls), 'tf', whole(b.tripped.failed), 'ts', whole(b.tripped.slow))
  for _, field in ipairs(stale) do redis.call('HDEL', STATE, field) end
  redis.call('DEL', RING, BATCHES, FAILED)
  keep(b)
  -- Whoever may not publish still decides: the others hear of it when they next ask.
  redis.pcall(rules.publish, rules.channel, table.concat({
    'v1', rules.name, whole(epoch), shown(b), whole(remaining(b)), whole(b.opens),
    whole(b.tripped.failed), whole(b.tripped.calls), whole(b.tripped.slow) }, '|'))
end

-- A transition. Epochs follow the clock, so that none comes again even after all data was lost, and
-- never go back, so that none comes again when the clock does.
local function move(b, state)
  store(b, math.max(b.epoch + 1, b.now), state)
end

local function open(b)
  b.opens = b.opens + 1
  local time = rules.recovery
  if b.opens > 1 and rules.factor > 1 then
    time = math.min(time * rules.factor ^ (b.opens - 1), rules.longest_open)
  end
  b.open_until = b.now + math.floor(time)
  move(b, OPEN)
end

-- Takes a place for a probe, where one is free. Tokens follow the clock as epochs do: a late result
-- never meets another lease of the same name. Places beyond `half_open`, of a caller whose rules
-- allow more, count too.
local function lease(b, instance)
  local taken, free = 0, nil
  for slot, held in pairs(b.slots) do
    if held.epoch == b.epoch and held.ends > b.now then
      taken = taken + 1
    else
      b.slots[slot] = nil
    end
  end
  if taken >= rules.half_open then return '' end
  for slot = 1, rules.half_open do
    if not b.slots[slot] then
      free = slot
      break
    end
  end
  b.fence = math.max(b.fence + 1, b.now)
  local token = whole(b.epoch) .. '.' .. whole(b.fence)
  redis.call('HSET', STATE, 'fc', whole(b.fence),
    'p' .. free, token .. ':' .. whole(b.now + rules.probe_timeout) .. ':' .. instance)
  keep(b)
  return token
end

-- The counts that opened it are shown until it closes.
local function reply(b, extra)
  local counts = b.state == CLOSED and counts_of(b.ring) or b.tripped
  return { shown(b), b.epoch, remaining(b), b.opens, b.lock, counts.failed, counts.calls, extra, counts.slow }
end

-- Redis 6 puts the place in the script before an error's code, which instances go by.
local function failure(raised)
  if type(raised) == 'table' then return raised end
  local text = string.gsub(raised, '^@[^:]*: ?%d+: %-?', '')
  return { err = string.match(text, '^%u+ ') and text or 'ERR ' .. text }
end

local function run(script)
  local done, result = pcall(function()
    local b = load()
    return reply(b, script(b))
  end)
  return done and result or failure(result)
end
