-- A bucket as it is kept: `arrival returned`, and where tokens are leased `low since before`: the least that was
-- out (how far the arrival was ahead, whenever the bucket was touched) since then, and in the period before.
-- A period lasts a lease at least, so that both reach back to any lease that has not ended.

-- The bucket and its text; or nothing and an error, where something else is kept.
local function read_bucket()
  local held = redis.call('GET', KEY)
  if not held then
    return { arrival = 0, returned = 0 }, nil
  end
  local fields = {}
  for field in string.gmatch(held, '%S+') do
    fields[#fields + 1] = tonumber(field) or false
  end
  for i = 1, #fields do
    if not fields[i] then fields = {} end
  end
  if #fields ~= 2 and #fields ~= 5 then
    return nil, { err = 'WRONGTYPE this key holds no bucket' }
  end
  return {
    arrival = fields[1], returned = fields[2],
    low = fields[3], since = fields[4], before = fields[5],
  }, held
end

local function note_low(bucket, lease)
  local ahead = math.max(0, bucket.arrival - now)
  if not bucket.low then
    bucket.low, bucket.since, bucket.before = ahead, now, 0
  elseif now - bucket.since >= lease or now < bucket.since then
    bucket.low, bucket.since, bucket.before = ahead, now, bucket.low
  else
    bucket.low = math.min(bucket.low, ahead)
  end
end

local function write_bucket(bucket, held)
  local text = exact(bucket.arrival) .. ' ' .. exact(bucket.returned)
  if bucket.low then
    text = text .. ' ' .. exact(bucket.low) .. ' ' .. exact(bucket.since) .. ' ' .. exact(bucket.before)
  end
  if text ~= held then
    redis.call('SET', KEY, text, 'PX', lifetime(bucket.arrival - now))
  end
end
