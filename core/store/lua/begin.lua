#!lua flags=allow-oom
-- A claimed submit is about to leave: only from here on may the vendor have accepted it.
-- Item: id, n, ms of its lease.
-- Answer: "go" | "cancelled" (its client has cancelled it) | "stale" (its lease is someone else's by now)
--#lib
local answers = {}

local function begin(id, n, ms)
    local r = record(id, 'owner', 'lane', 'account', 'progress', 'hook', 'cancel', 'by', 'await')
    if r and again == '1' and r.phase == 'cancelled' and r.by == by and r.n == n then return 'cancelled' end
    if not r or r.phase ~= 'submitting' or r.n ~= n then return 'stale' end
    if r.cancel then
        cancel_unsent(r)
        return 'cancelled'
    end
    call('HSET', key('t', id), 'sent', now)
    call('ZADD', 'spool:due', now + ms, id)
    return 'go'
end

for i, item in ipairs(items()) do answers[i] = begin(item[1], tonumber(item[2]), tonumber(item[3])) end
return answers
