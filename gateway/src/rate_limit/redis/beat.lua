-- Says that a node is there, and how many there are.
--
-- KEYS[1]  the nodes by name, each with the second in which it was there last
-- ARGV     name     of this node
--          seconds  after which a node that says nothing is gone
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
return redis.call('ZCARD', KEYS[1])
