#!lua flags=allow-oom
-- Renews, moves or ends a lease of the due set, without a change of the task.
-- Item: id, n, ms from now, or -1: the watch is over, its slot is free; "1": its inputs are there,
--   and the submit is about to leave.
-- Answer: 1, or 0 where the lease is someone else's by now.
--#lib
local answers = {}
for i, item in ipairs(items()) do
    local id, ms = item[1], tonumber(item[3])
    local r = record(id, 'account', 'watch')
    if not r or r.n ~= tonumber(item[2]) or (TERMINAL[r.phase] and not r.watch) then
        answers[i] = 0
    elseif ms < 0 then
        call('HDEL', key('t', id), 'watch')
        call('ZREM', 'spool:due', id)
        free_slot(r.account, id)
        retire(id)
        answers[i] = 1
    else
        if item[4] == '1' then call('HSET', key('t', id), 'sent', 1) end
        call('ZADD', 'spool:due', now + ms, id)
        answers[i] = 1
    end
end
return answers
