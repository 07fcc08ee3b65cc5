#!lua flags=allow-oom
-- A claimed submit is about to leave: only from here on may the vendor have accepted it.
-- Item: id, n, ms of its lease, what it looks like at the vendor or "", "1" where it is a call.
-- Answer: "go" | "cancelled" (its client has cancelled it) | "stale" (its lease is someone else's by now)
--#lib
local answers = {}

-- As long as the vendor may list its job, it is known which tasks look the same there.
local LISTED_MS = 24 * 3600 * 1000

local function note_likeness(id, likeness)
    local alike = key('alike', likeness)
    call('ZREMRANGEBYSCORE', alike, '-inf', now - LISTED_MS)
    call('ZADD', alike, now, id)
    call('PEXPIRE', alike, LISTED_MS)
end

local function begin(id, n, ms, likeness, is_call)
    local r = record(id, "owner", "lane", "account", "progress", "hook", "cancel", "by", "await")
    if r and again == '1' and r.phase == 'cancelled' and r.by == by and r.n == n then
        note_end(r, r.phase)
        return 'cancelled'
    end
    if not r or r.phase ~= 'submitting' or r.n ~= n then return 'stale' end
    if r.cancel then
        cancel_unsent(r)
        return 'cancelled'
    end
    call('HSET', key('t', id), "sent", now)
    if is_call then call('HSET', key('t', id), "call", 1) end
    if likeness ~= '' then note_likeness(id, likeness) end
    call('ZADD', '{spool}:due', now + ms, id)
    return 'go'
end

for i, item in ipairs(items()) do
    answers[i] = begin(item[1], tonumber(item[2]), tonumber(item[3]), item[4], item[5] == '1')
end
return with_ends(answers)
