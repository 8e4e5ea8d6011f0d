-- What every script of limits begins with. Times are microseconds. The only clock is the server's; a caller
-- gets what remains. Each key is in a hash tag of its own, so a script touches one slot of a cluster; its
-- effects go to replicas and log, never itself, so that reading the clock in it is sound.

local KEY = KEYS[1]

local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1e6 + tonumber(time[2])
end

local now = clock()

-- A number so that it is read back as it was.
local function exact(number)
  return string.format('%.17g', number)
end

-- For replies, whose numbers lose what stands behind the point: never earlier than it is.
local function upwards(number)
  return math.ceil(math.max(0, number))
end

-- A key is kept a second longer than it says anything.
local function lifetime(time)
  return upwards(time / 1000) + 1000
end
