#!lua flags=allow-oom
-- Cancels tasks: this one script decides between a cancel and another change that comes at the same time.
-- Item: id, owner ("" for any), "1" where the vendor can cancel, watch ms.
-- Answer: {"missing"} | {"ended"} | {"before_submit" | "requested" | "not_supported_may_be_billed"}
--#lib
local answers = {}

local function cancel(id, owner, vendor_can, watch_ms)
    local r = record(id, 'owner', 'lane', 'account', 'progress', 'hook', 'cancel', 'by', 'upstream', 'await',
        'sent')
    if not r or (owner ~= '' and r.owner ~= owner) then return {'missing'} end
    if again == '1' and r.phase == 'cancelled' and r.by == by then -- by us before: the reply was lost
        -- A task that the vendor answers with its result has no vendor's id; but it was sent.
        return {(r.upstream or r.sent) and 'not_supported_may_be_billed' or 'before_submit'}
    end
    if TERMINAL[r.phase] then return {'ended'} end
    if r.phase == 'queued' then
        cancel_unsent(r)
        return {'before_submit'}
    end
    if r.phase == 'submitting' or r.phase == 'in_doubt' or vendor_can == '1' then
        if not r.cancel then log(id, 'cancel_requested', '') end
        call('HSET', key('t', id), 'cancel', 1)
        if LOOKED_AT[r.phase] then
            call('ZADD', key('look', r.account), now, id)
            call('PUBLISH', 'spool:wake', r.account)
        end
        return {'requested'}
    end
    log(id, 'cancelled', 'the vendor cannot cancel: it may be billed')
    -- While a task is being archived its vendor job has ended: there is nothing left to watch.
    finish(r, 'cancelled', {}, true, r.phase ~= 'archiving' and tonumber(watch_ms) or nil)
    call('PUBLISH', 'spool:wake', '')
    return {'not_supported_may_be_billed'}
end

for i, item in ipairs(items()) do answers[i] = cancel(unpack(item)) end
return answers
