-- By hand: `reset`, `force_open`, `disable`, `release`. Each starts a closed state with nothing
-- counted, under a lock or without. One that is in force already, and `release` without a lock,
-- change nothing.

local action = ARGV[16]
local lock = ({ reset = '', release = '', force_open = 'forced_open', disable = 'disabled' })[action]

return run(function(b)
  if not lock then error({ err = 'ERR unknown action "' .. action .. '"' }) end
  if action ~= 'reset' and b.lock == lock then return '' end
  b.lock = lock
  move(b, CLOSED)
  return ''
end)
