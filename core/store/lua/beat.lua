#!lua flags=allow-oom
-- A role of a process says that it is there, or that it leaves.
-- Item: "1" or "0", the process, the role, "host pid version started in_hand", what its storage fails on or
--   "". Answer: 1.
--#lib
local FORGET_MS, SILENT_MS = 3600000, 15000
local is_there, process, role, words, trouble = unpack(items()[1])
local who = process .. ' ' .. role

if is_there == '1' then call('HSET', '{spool}:processes', who, now .. ' ' .. words)
else call('HDEL', '{spool}:processes', who) end
if is_there == '1' and trouble ~= '' then call('HSET', '{spool}:trouble', who, now .. ' ' .. trouble)
else call('HDEL', '{spool}:trouble', who) end
if role == 'worker' and is_there == '1' then call('ZADD', '{spool}:workers', now, by)
elseif role == 'worker' then call('ZREM', '{spool}:workers', by) end

call('ZREMRANGEBYSCORE', '{spool}:workers', '-inf', now - FORGET_MS)
for name, ms in pairs({['{spool}:processes'] = FORGET_MS, ['{spool}:trouble'] = SILENT_MS}) do
    local said = call('HGETALL', name)
    for i = 1, #said, 2 do
        if tonumber(string.match(said[i + 1], '^%d+')) < now - ms then call('HDEL', name, said[i]) end
    end
end
return 1
