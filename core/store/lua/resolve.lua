#!lua flags=allow-oom
-- An operator takes up a task that has failed; it goes on as the same task.
-- Item: id, v, how ("adopt": its job is at the vendor; "archive": its files are fetched again; "resubmit"),
--   the vendor's id or "", the result to go on from or "".
-- Answer: "done" | "stale" (the task isn't as it was read) | "missing" | "other" (it failed in another way)
--#lib
local RESOLVABLE = {submit_outcome_unknown = 1, archive_failed = 1, upstream_lost = 1, account_removed = 1,
    vendor_unavailable = 1, task_timeout = 1}
local answers = {}

-- Makes the record as if the task had never ended. A slot that it still has is given back, and taken anew
-- where the task needs one.
local function reopen(r)
    unretire(r.id)
    call('HDEL', key('t', r.id), "finished", "ended", "code", "error", "cancel", "called", "watch")
    call('ZREM', '{spool}:due', r.id)
    free_slot(r.account, r.id, r.code == 'submit_outcome_unknown')
end

local function resolve(id, v, how, upstream, result)
    local r = record(id, "by", "owner", "lane", "account", "progress", "hook", "cost", "code", "upstream", "cold", "asked")
    if not r then return 'missing' end
    if again == '1' and r.by == by and r.v == v + 1 then return 'done' end
    if r.v ~= v then return 'stale' end
    if r.phase ~= 'failed' or not RESOLVABLE[r.code or ''] then return 'other' end
    reopen(r)
    log(id, 'resolved', how .. (upstream ~= '' and ' ' .. upstream or ''))
    if how == 'adopt' then
        take_slot(r.account, id, tonumber(r.cost or 1))
        follow(r, 'submitted', 0, {"n", r.n + 1, "upstream", upstream ~= '' and upstream or r.upstream})
        tell('wake', r.account)
    elseif how == 'archive' then
        call('SET', key('r', id), result)
        archive(r, 0, {"n", r.n + 1})
    else
        call('HDEL', key('t', id), "tries", "links", "started")
        requeue(r, 0, {"n", r.n + 1, "upstream", ''})
    end
    if r.hook then deliver(id, r.v, r.phase, r.progress, nil) end
    return 'done'
end

for i, item in ipairs(items()) do
    answers[i] = resolve(item[1], tonumber(item[2]), item[3], item[4], item[5])
end
return answers
