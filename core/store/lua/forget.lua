#!lua flags=allow-oom
-- Forgets tasks for good, as the end of their retention would: cancels what runs. A task whose vendor job may
-- still run, or whose submit is under way, is hidden from everybody and goes when that is over; nothing comes
-- of it any more, and nobody is told. An Idempotency-Key goes on standing for its first answer.
-- Item: id, owner ("" for any), "1" where the vendor can cancel, watch ms. Answer: {"done", the result as it
-- was at last, or ""} | {"missing"}.
--#lib
local answers = {}

local function forget(id, owner, vendor_can, watch_ms)
    local r = record(id, "owner", "gone")
    -- Sent again after a lost reply: it was done.
    if not r or r.gone then return again == '1' and {'done', ''} or {'missing'} end
    if owner ~= '' and r.owner ~= owner then return {'missing'} end
    local result = call('GET', key('r', id)) or ''
    if not TERMINAL[r.phase] then cancel(id, owner, vendor_can, watch_ms) end
    call('HSET', key('t', id), "gone", 1)
    call('LREM', key('own', r.owner), -1, id)
    call('DEL', key('r', id), key('once', id))
    call('HDEL', key('t', id), "log")
    drop_deliveries(id, r.owner)
    retire(id)
    return {'done', result}
end

for i, item in ipairs(items()) do answers[i] = forget(unpack(item)) end
return with_ends(answers)
