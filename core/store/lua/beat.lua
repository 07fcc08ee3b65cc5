#!lua flags=allow-oom
-- A role of a process says that it is there, or that it leaves.
-- Item: "1" or "0", the process, the role, "host pid version started in_hand". Answer: 1.
--#lib
local FORGET_MS = 3600000
local is_there, process, role, words = unpack(items()[1])

if is_there == '1' then call('HSET', 'spool:processes', process .. ' ' .. role, now .. ' ' .. words)
else call('HDEL', 'spool:processes', process .. ' ' .. role) end
if role == 'worker' and is_there == '1' then call('ZADD', 'spool:workers', now, by)
elseif role == 'worker' then call('ZREM', 'spool:workers', by) end

call('ZREMRANGEBYSCORE', 'spool:workers', '-inf', now - FORGET_MS)
local said = call('HGETALL', 'spool:processes')
for i = 1, #said, 2 do
    if tonumber(string.match(said[i + 1], '^%d+')) < now - FORGET_MS then
        call('HDEL', 'spool:processes', said[i])
    end
end
return 1
