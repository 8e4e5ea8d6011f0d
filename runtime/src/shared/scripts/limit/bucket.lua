-- Takes tokens out of a bucket: as many as there are, up to what is wanted.
--
-- GCRA (ITU-T I.371, annex A): the bucket is its arrival, the time at which it will be full again. Beside it
-- stands how much of that was ever given back. Their sum never becomes less; so a caller that was told a
-- higher one knows of tokens that this server has forgotten, be it by a failover or a FLUSHALL.
--
-- ARGV: time of one token, tolerance, how many are wanted, the highest sum the caller was told and what was
-- given back of it (both 0 where it was told nothing), how long that is still to be heeded by the caller's clock,
-- the length of the lease (0 where nothing is leased).
-- Reply: granted, time until there is one more, left, time until the bucket is full, sum, given back, now.
-- The last three are text, since they are larger than what a number of Lua's keeps whole in a reply.

local interval, tolerance, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local mark, known = tonumber(ARGV[4]), tonumber(ARGV[5])
local ahead, lease = tonumber(ARGV[6]), tonumber(ARGV[7])

local bucket, held = read_bucket()
if not bucket then
  return held
end
if lease > 0 then
  note_low(bucket, lease)
end

-- Told by a clock that was set back meanwhile, it would hold for as long as that was.
mark = math.min(mark, now + ahead + known)
if mark - known > now then
  bucket.returned = math.max(bucket.returned, known)
  bucket.arrival = math.max(bucket.arrival, mark - bucket.returned)
end
-- Full is full; and a clock that was set back makes nobody wait for longer than an empty bucket would.
bucket.arrival = math.min(math.max(bucket.arrival, now), now + tolerance)

local function free()
  return (tolerance - (bucket.arrival - now)) / interval + 1e-6 -- what rounding takes away is no token
end

local granted = math.min(want, math.floor(free()))
bucket.arrival = bucket.arrival + granted * interval
if bucket.arrival > now then
  write_bucket(bucket, held)
end

local wait = 0
if granted < want then
  wait = upwards(bucket.arrival - now + interval - tolerance)
end
return {
  granted, wait, math.floor(free()), upwards(bucket.arrival - now),
  exact(bucket.arrival + bucket.returned), exact(bucket.returned), exact(now),
}
