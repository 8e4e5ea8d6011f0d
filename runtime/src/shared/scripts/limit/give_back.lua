-- Gives back tokens of a lease that nobody spent. They count for no more than had they never been taken: had
-- they not been out, the bucket might have been full, and what flowed in would have overflowed. So they count
-- for no more than the least that was out since they were granted; and after the lease, in which they may have
-- been spent, for nothing.
--
-- ARGV: time of one token, how many, when they were granted, the length of the lease.
-- Reply: what they counted for.

local interval, tokens = tonumber(ARGV[1]), tonumber(ARGV[2])
local granted_at, lease = tonumber(ARGV[3]), tonumber(ARGV[4])

local bucket, held = read_bucket()
if not bucket then
  return held
end
if not held or not bucket.low or now - granted_at >= lease then
  return 0
end
note_low(bucket, lease)
local credit = math.min(tokens * interval, bucket.low, bucket.before)
bucket.arrival, bucket.returned = bucket.arrival - credit, bucket.returned + credit
write_bucket(bucket, held)
return upwards(credit)
