#!lua flags=allow-oom
-- A vendor called back: its task is looked at now, and from here on less often without a call.
-- Item: id, the vendor's id or "". Answer: 1, or 0 where there is nothing to look at.
--#lib
local answers = {}
for i, item in ipairs(items()) do
    local id, upstream = item[1], item[2]
    local r = record(id, "account")
    answers[i] = 0
    if r and LOOKED_AT[r.phase] then
        call('HSET', key('t', id), "called", now)
        call('ZADD', key('look', r.account), now, id)
        tell('wake', r.account)
        answers[i] = 1
    elseif r and (r.phase == 'submitting' or r.phase == 'in_doubt') and upstream ~= '' then
        -- The answer to the submit is still under way, or lost: the hint then finds the job again.
        call('HSET', key('t', id), "hint", upstream)
        if r.phase == 'in_doubt' then call('ZADD', '{spool}:due', now, id) end
        tell('wake', r.account)
        answers[i] = 1
    end
end
return answers
