-- Takes units from a bucket (generic cell rate algorithm, ITU-T I.371) by this server's clock.
--
-- KEYS[1]  the bucket: a hash of
--            owed   nanoseconds until what was taken has run out, counted from `at`
--            at     microseconds since 1970 when something was taken last
--            taken  units ever taken
--            born   microseconds since 1970 when the bucket was made
-- KEYS[2]  where there is one server: since when it knows anything, a hash of
--            born   microseconds since 1970
--            lost   there where it is known that it knew something before
-- ARGV     unit    nanoseconds in which one unit runs out
--          whole   nanoseconds in which a full bucket runs out
--          wanted  units; fewer are given where fewer fit, none where there is no room
--          known   `born` as the caller knows it from less than `whole` and 30 seconds ago; 0 where
--                  it does not;
--                  -1 where it has let requests pass meanwhile without asking
--          since   `born` of KEYS[2] as the caller knows it; 0 where it does not
-- Returns  units given, nanoseconds until one fits, nanoseconds owed, born, taken
local unit, whole = tonumber(ARGV[1]), tonumber(ARGV[2])
local wanted, known = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = redis.call('HMGET', KEYS[1], 'owed', 'at', 'taken', 'born')
local owed, at, taken, born = 0, now, 0, now
local changed = false
if kept[4] then
  owed, at = tonumber(kept[1]), tonumber(kept[2])
  taken, born = tonumber(kept[3]), tonumber(kept[4])
  -- A server that takes over may have a clock that is behind: no time has passed then. Where the
  -- clock was far ahead, time begins anew, or nothing would run out until it is there again.
  if now > at then
    owed = math.max(0, owed - (now - at) * 1000)
  elseif at - now <= 1000000 then
    now = at
  else
    changed = true
  end
elseif KEYS[2] then
  local since = redis.call('HMGET', KEYS[2], 'born', 'lost')
  local began = tonumber(since[1]) or now
  local lost = since[2] or (tonumber(ARGV[5]) ~= 0 and tonumber(ARGV[5]) ~= began)
  if not since[1] then
    redis.call('HSET', KEYS[2], 'born', began)
  end
  -- What is lost may have been this bucket, without room.
  if lost then
    redis.call('HSET', KEYS[2], 'lost', 1)
    owed = math.max(0, whole - math.max(0, now - began) * 1000)
  end
end
-- What the caller knows is lost, or it has taken elsewhere: nobody knows how much room there is.
if known ~= 0 and known ~= born then
  owed = math.max(owed, whole)
  changed = true
end
local given = math.max(0, math.min(wanted, math.floor((whole - owed) / unit)))
if given > 0 or changed then
  owed, taken = owed + given * unit, taken + given
  redis.call('HSET', KEYS[1], 'owed', owed, 'at', now, 'taken', taken, 'born', born)
  -- Kept beyond the time in which it runs out: a bucket that is missing earlier was lost.
  redis.call('PEXPIRE', KEYS[1], math.ceil(whole / 1000000) + 60000)
end
return {given, math.max(0, owed + unit - whole), owed, born, taken}
