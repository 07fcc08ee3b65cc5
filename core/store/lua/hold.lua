#!lua flags=allow-oom
-- Renews, moves or ends a lease of the due set, without a change of the task. A task that has gone on to a
-- phase without a lease keeps its time in the due set: a renewal may come after the change that ended its
-- lease.
-- Item: id, n, ms from now (-1: the watch is over, its slot is free), what the task waits for ("": as before),
--   the words for that.
-- Answer: 1, or 0 where the lease is someone else's by now.
--#lib
local LEASED = {submitting = true, in_doubt = true, archiving = true}
local answers = {}
for i, item in ipairs(items()) do
    local id, ms, reason = item[1], tonumber(item[3]), item[4]
    local r = record(id, "account", "watch", "code", "wait")
    local is_ours = r and r.n == tonumber(item[2])
    if not is_ours or not (r.watch or (ms >= 0 and LEASED[r.phase])) then
        -- A watch that is over was ended by us before: the reply was lost.
        answers[i] = again == '1' and ms < 0 and is_ours and TERMINAL[r.phase] and 1 or 0
    elseif ms < 0 then
        end_watch(r)
        answers[i] = 1
    else
        if reason ~= '' then set_wait(r, reason, item[5]) end
        call('ZADD', '{spool}:due', now + ms, id)
        answers[i] = 1
    end
end
return answers
