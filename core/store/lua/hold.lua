#!lua flags=allow-oom
-- Renews, moves or ends a lease of the due set, without a change of the task.
-- Item: id, n, ms from now, or -1: the watch is over, its slot is free; what it waits for ("": stays), the
--   words for that.
-- Answer: 1, or 0 where the lease is someone else's by now.
--#lib
local answers = {}
for i, item in ipairs(items()) do
    local id, ms, reason = item[1], tonumber(item[3]), item[4]
    local r = record(id, 'account', 'watch', 'code', 'wait')
    if not r or r.n ~= tonumber(item[2]) or (TERMINAL[r.phase] and not r.watch) then
        -- By us: the reply was lost.
        answers[i] = again == '1' and ms < 0 and r and r.n == tonumber(item[2]) and 1 or 0
    elseif ms < 0 then
        end_watch(r)
        answers[i] = 1
    else
        if reason ~= '' then set_wait(r, reason, item[5]) end
        call('ZADD', 'spool:due', now + ms, id)
        answers[i] = 1
    end
end
return answers
