-- Says that a node is there, and how many there are.
--
-- KEYS[1]  the nodes by name, each with the second in which it was there last
-- KEYS[2]  where there is one server: as in `take.lua`
-- ARGV     name     of this node
--          seconds  after which a node that says nothing is gone
--          since    as in `take.lua`
-- Returns  nodes, and `born` of KEYS[2]
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', time[1] - tonumber(ARGV[2]))
local began, known = 0, tonumber(ARGV[3])
if KEYS[2] then
  began = tonumber(redis.call('HGET', KEYS[2], 'born'))
  if not began then
    began = time[1] * 1000000 + time[2]
    redis.call('HSET', KEYS[2], 'born', began)
  end
  if known ~= 0 and known ~= began then
    redis.call('HSET', KEYS[2], 'lost', 1)
  end
end
return {redis.call('ZCARD', KEYS[1]), began}
