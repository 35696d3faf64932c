-- Reserves room for a guess on a person, by this server's clock. Who has failed and who may fail yet
-- never exceed the budgets.
--
-- KEYS[1]  the person: a hash of
--            f <client> <claims>   when these claims of this client failed, seconds since 1970
--            r <client> <claims>   how many guesses with them are on their way, and until when at most
-- ARGV     client, claims
--          client_day, client_month, subject_hour, subject_day   budgets
--          life    seconds after which a guess on its way counts no more
--          and then client, claims and time of failures that the caller knows
-- Returns  1 reserved, 2 the same has failed before, 0 no room; seconds until there may be room
local HOUR, DAY, MONTH = 3600, 86400, 2592000
local now = tonumber(redis.call('TIME')[1])
local client, claims, life = ARGV[1], ARGV[2], tonumber(ARGV[7])
for at = 8, #ARGV, 3 do
  redis.call('HSETNX', KEYS[1], 'f ' .. ARGV[at] .. ' ' .. ARGV[at + 1], ARGV[at + 2])
end
local own, all = {times = {}, flying = 0}, {times = {}, flying = 0}
local kept = redis.call('HGETALL', KEYS[1])
local is_repeat, mine = false, 'r ' .. client .. ' ' .. claims
for at = 1, #kept, 2 do
  local field, value = kept[at], kept[at + 1]
  local kind, who, what = string.match(field, '^(%a) (%S+) (%S+)$')
  if kind == 'f' then
    local failed = tonumber(value)
    if failed + MONTH <= now then
      redis.call('HDEL', KEYS[1], field)
    else
      all.times[#all.times + 1] = failed
      if who == client then
        own.times[#own.times + 1] = failed
        is_repeat = is_repeat or what == claims
      end
    end
  else
    local _, ends = string.match(value, '^(%d+) (%d+)$')
    if tonumber(ends) <= now then
      redis.call('HDEL', KEYS[1], field)
    elseif field ~= mine then
      all.flying = all.flying + 1
      if who == client then own.flying = own.flying + 1 end
    end
  end
end
local function wait(tries, budget, window)
  local counting = {}
  for _, at in ipairs(tries.times) do
    if at + window > now then counting[#counting + 1] = at end
  end
  local over = #counting + tries.flying + 1 - tonumber(budget)
  if over <= 0 then return 0 end
  if not counting[over] then return 1 end
  return math.max(1, counting[over] + window - now)
end
local mine_kept = redis.call('HGET', KEYS[1], mine)
local flying = mine_kept and tonumber(string.match(mine_kept, '^%d+')) or 0
if is_repeat then return {2, 0} end
if flying == 0 then
  table.sort(own.times)
  table.sort(all.times)
  local longest = math.max(wait(own, ARGV[3], DAY), wait(own, ARGV[4], MONTH))
  if #own.times + own.flying > 0 then
    longest = math.max(longest, wait(all, ARGV[5], HOUR), wait(all, ARGV[6], DAY))
  end
  if longest > 0 then return {0, longest} end
end
redis.call('HSET', KEYS[1], mine, (flying + 1) .. ' ' .. (now + life))
redis.call('EXPIRE', KEYS[1], #all.times > 0 and MONTH or life)
return {1, 0}
