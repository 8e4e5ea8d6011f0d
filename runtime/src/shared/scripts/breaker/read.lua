-- What is stored, for instances that ask in turns in case an announcement was lost.

return run(function()
  return ''
end)
