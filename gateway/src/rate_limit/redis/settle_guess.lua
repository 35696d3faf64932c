-- Ends a guess that `reserve_guess.lua` has reserved room for.
--
-- KEYS[1]  the person
-- ARGV     client, claims
--          failed   1 where the claims were wrong
--          frees    0 where its place was given back before, or may have been
local MONTH = 2592000
local name = ARGV[1] .. ' ' .. ARGV[2]
local kept = redis.call('HGET', KEYS[1], 'r ' .. name)
if kept and ARGV[4] ~= '0' then
  local flying, ends = string.match(kept, '^(%d+) (%d+)$')
  if tonumber(flying) > 1 then
    redis.call('HSET', KEYS[1], 'r ' .. name, (tonumber(flying) - 1) .. ' ' .. ends)
  else
    redis.call('HDEL', KEYS[1], 'r ' .. name)
  end
end
if ARGV[3] == '1' then
  redis.call('HSETNX', KEYS[1], 'f ' .. name, redis.call('TIME')[1])
  redis.call('EXPIRE', KEYS[1], MONTH)
end
return 1
