#!lua flags=allow-oom
-- A worker says that it works, or that it doesn't any more. Item: "1" or "0". Answer: 1.
--#lib
local FORGET_MS = 3600000
if items()[1][1] == '1' then call('ZADD', 'spool:workers', now, by)
else call('ZREM', 'spool:workers', by) end
call('ZREMRANGEBYSCORE', 'spool:workers', '-inf', now - FORGET_MS)
return 1
