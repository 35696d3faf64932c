-- Grants parts of a client's quotas. Every node has a figure in each period, what its own use may come
-- to; all of them together are never more than the quota.
--
-- KEYS     a period each: a hash of
--            r:NODE  requests that the node's own use may come to
--            a:NODE  attributes
--            s:NODE  number of the node's last call: one that comes late changes nothing
--            lost    seconds since 1970 when it was noticed that the hash was lost
--            short   seconds since 1970 when somebody did not get what it needed
-- ARGV     node    that asks
--          number  of this call
--          nodes   there are
--          lost    1 where this server has lost what it knew; 0 where nothing is known of it
-- and of each period
--          until   seconds since 1970 to which the hash is kept
--          ahead   1 where the node wants more than it needs
--          used    1 where anybody has used anything in it: what was granted for that must be there
-- and of each of requests and attributes
--          quota   -1 where there is none
--          mine    what the node's own use may come to as the node has it
--          least   what it needs
--          others  what the other nodes have used, as far as the node knows
-- Returns  of each period: requests and attributes that the node's own use may come to now, 1 where
--          somebody did not get what it needed; requests are -1 where the call came late
local node, number, nodes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(redis.call('TIME')[1])
local answer, place = {}, 5
for _, key in ipairs(KEYS) do
  local told, others, own, count = {}, {r = 0, a = 0}, {}, 1
  local kept = redis.call('HGETALL', key)
  for at = 1, #kept, 2 do
    local kind, name = string.sub(kept[at], 1, 2), string.sub(kept[at], 3)
    if kind == 'r:' or kind == 'a:' or kind == 's:' then
      if name == node then
        own[string.sub(kind, 1, 1)] = tonumber(kept[at + 1])
      elseif kind ~= 's:' then
        local unit = string.sub(kind, 1, 1)
        others[unit] = others[unit] + tonumber(kept[at + 1])
        if unit == 'r' then
          count = count + 1
        end
      end
    else
      told[kept[at]] = tonumber(kept[at + 1])
    end
  end
  local untilwhen, ahead = tonumber(ARGV[place]), ARGV[place + 1] == '1'
  local used, needs = ARGV[place + 2] == '1', {}
  for unit, first in pairs({r = place + 3, a = place + 7}) do
    needs[unit] = {quota = tonumber(ARGV[first]), mine = tonumber(ARGV[first + 1]),
      least = tonumber(ARGV[first + 2]), others = tonumber(ARGV[first + 3])}
  end
  place = place + 11
  if own.s and own.s >= number then
    answer[#answer + 1] = {-1, -1, 0}
  else
    local is_lost = (#kept == 0 and (used or ARGV[4] == '1'))
      or (own.r and (needs.r.mine > own.r or needs.a.mine > own.a))
    if is_lost and not told.lost then
      told.lost = now
      redis.call('HSET', key, 'lost', now)
    end
    -- What others hold is known when all have told it. Who has not by then is gone.
    local is_known = not told.lost or count >= nodes or now - told.lost > 30
    local is_short = told.short and now - told.short <= 3
    local given = {}
    for unit, need in pairs(needs) do
      given[unit] = need.mine
      if need.quota >= 0 then
        -- Who has not told anything may have an equal part by itself.
        local untold = math.max(0, nodes - count) * math.floor(need.quota / nodes)
        local room = need.quota - math.max(others[unit], need.others) - untold - need.mine
        local lacks = math.max(0, need.least - need.mine)
        if is_known and room > 0 then
          local more = ahead and math.floor(room / (2 * nodes)) or 0
          given[unit] = need.mine + math.min(room, math.max(lacks, more))
        end
        if need.least > given[unit] then
          is_short = true
          redis.call('HSET', key, 'short', now)
        end
      end
    end
    redis.call('HSET', key, 'r:' .. node, given.r, 'a:' .. node, given.a, 's:' .. node, number)
    redis.call('EXPIREAT', key, untilwhen)
    answer[#answer + 1] = {given.r, given.a, is_short and 1 or 0}
  end
end
return answer
