-- Counts a batch of calls that the closed state of an epoch admitted, and opens the breaker where
-- that completes a rule. Says 1 when counted, 0 when void, 2 when this batch was counted before.

local epoch, instance, seq = tonumber(ARGV[16]), ARGV[17], tonumber(ARGV[18])
local batch = { calls = tonumber(ARGV[19]), failed = tonumber(ARGV[20]), slow = tonumber(ARGV[21]) }

local function last_seq()
  local last = redis.call('HGET', BATCHES, instance)
  return last and tonumber(string.match(last, '^(%d+):')) or -1
end

local function add(b)
  local home = math.floor(b.now / rules.bucket) % BUCKETS
  local held = b.ring[home] or { calls = 0, failed = 0, slow = 0 }
  held.time = b.now
  for kind, number in pairs(batch) do held[kind] = held[kind] + number end
  b.ring[home] = held
end

local function write_ring(b)
  if b.moved then redis.call('DEL', RING) end
  local home = math.floor(b.now / rules.bucket) % BUCKETS
  for slot, bucket in pairs(b.ring) do
    if b.moved or slot == home then
      redis.call('HSET', RING, 'b' .. slot, table.concat({
        whole(bucket.time), whole(bucket.calls), whole(bucket.failed), whole(bucket.slow) }, ':'))
    end
  end
end

-- Batches and failures of instances that are long gone. They are looked through rarely, since there
-- may be thousands.
local function prune(b)
  local kept = 2 * math.max(rules.window, MINUTE)
  local since = b.now - b.pruned
  if since >= 0 and since < kept / 2 then return end
  redis.call('HSET', STATE, 'pq', whole(b.now))
  for _, key in ipairs({ BATCHES, FAILED }) do
    for field, value in pairs(flat(redis.call('HGETALL', key))) do
      local time = tonumber(string.match(value, '(%d+)$')) or 0
      if time < b.now - kept then redis.call('HDEL', key, field) end
    end
  end
end

-- Different instances that saw failures in the window, cut as the ring is.
local function instances_failed(b)
  local current, instances = math.floor(b.now / rules.bucket), 0
  for _, time in ipairs(redis.call('HVALS', FAILED)) do
    local age = current - math.floor((tonumber(time) or 0) / rules.bucket)
    if age >= 0 and age < BUCKETS then instances = instances + 1 end
  end
  return instances
end

local function trips(b, counts)
  local reached = rules.failures > 0 and counts.failed >= rules.failures
  if counts.calls > 0 and counts.calls >= rules.min_calls then
    local reaches = function(part, rate) return rate > 0 and part / counts.calls >= rate end
    reached = reached or reaches(counts.failed, rules.failure_rate) or reaches(counts.slow, rules.slow_rate)
  end
  return reached and (rules.quorum <= 1 or instances_failed(b) >= rules.quorum)
end

return run(function(b)
  if b.state ~= CLOSED or b.lock ~= '' or b.epoch ~= epoch then return 0 end
  if seq <= last_seq() then return 2 end
  redis.call('HSET', STATE, 'st', CLOSED, 'ep', whole(b.epoch))
  prune(b)
  redis.call('HSET', BATCHES, instance, whole(seq) .. ':' .. whole(b.now))
  if batch.failed > 0 or batch.slow > 0 then redis.call('HSET', FAILED, instance, whole(b.now)) end
  add(b)
  local counts = counts_of(b.ring)
  if trips(b, counts) then
    b.tripped = counts
    open(b)
  else
    write_ring(b)
    keep(b)
  end
  return 1
end)
