-- Gives units back to a bucket that `take.lua` took them from. What was taken since may have needed
-- the room that these had not left: the bucket stays at least as full as a fresh one would be that
-- only those had been taken from, all at the last moment.
--
-- KEYS[1]  the bucket
-- ARGV     unit    nanoseconds in which one unit runs out
--          units   how many
--          serial  `taken` as it was told when these were given
--          born    `born` as it was told then
local unit, units = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'owed', 'taken', 'born')
if not kept[3] or tonumber(kept[3]) ~= tonumber(ARGV[4]) then
  return 0
end
-- A replica that has taken over may lack what was taken last.
local owed, since = tonumber(kept[1]), math.max(0, tonumber(kept[2]) - tonumber(ARGV[3]))
local left = math.min(owed, math.max(owed - units * unit, since * unit))
redis.call('HSET', KEYS[1], 'owed', left)
return 1
