#!lua flags=allow-oom
-- Compares a piece of the key space with the records, which are the truth, and mends what is missing:
-- due entries, looks, lane entries, slots, deliveries. Slots of tasks that don't hold one are freed.
-- Item: cursor, count, number of accounts, the accounts, then the keys whose lists are trimmed.
-- Answer: {cursor, repairs}
--#lib
local item = items()[1]
local step = call('SCAN', item[1], 'MATCH', 'spool:t:*', 'COUNT', item[2])
local repairs = 0

local function mend(id, what)
    repairs = repairs + 1
    log(id, 'repaired', what)
end

for _, t in ipairs(step[2]) do
    local id = t:sub(9)
    local r = record(id, 'owner', 'lane', 'account', 'cost', 'watch', 'hook')
    if r then
        local in_due = call('ZSCORE', 'spool:due', id)
        if r.phase == 'queued' then
            if not in_due and not call('ZSCORE', key('lane', r.lane), id) then
                enqueue(r.lane, r.owner, id)
                mend(id, 'lane')
                call('PUBLISH', 'spool:wake', r.lane)
            end
        elseif LOOKED_AT[r.phase] then
            if not call('ZSCORE', key('look', r.account), id) then
                call('ZADD', key('look', r.account), now, id)
                mend(id, 'look')
            end
        elseif not TERMINAL[r.phase] or r.watch then
            if not in_due then
                call('ZADD', 'spool:due', now, id)
                mend(id, 'due')
            end
        end
        local holds = r.account and tonumber(r.cost or 1) > 0 and
            (r.watch or r.phase == 'submitting' or r.phase == 'in_doubt' or LOOKED_AT[r.phase])
        if holds and call('HEXISTS', key('slots', r.account), id) == 0 then
            take_slot(r.account, id, tonumber(r.cost or 1))
            mend(id, 'slot')
        end
        if r.hook then
            local d = call('HMGET', key('d', id), 'n', 'head', 'redo', 'gone')
            local is_pending = tonumber(d[2] or 1) <= tonumber(d[1] or 0) or d[3]
            if is_pending and not d[4] and not has_deliveries(id) then
                call('ZADD', 'spool:hooks', now, id)
                call('PUBLISH', 'spool:ring', id)
                mend(id, 'delivery')
            end
        end
    end
end

-- Slots whose task has gone or gave it back; the sum is made anew.
local account_count = tonumber(item[3])
for i = 4, 3 + (item[1] == '0' and account_count or 0) do
    local slots = key('slots', item[i])
    local held, sum = call('HGETALL', slots), 0
    for k = 1, #held, 2 do
        local id = held[k]
        if id ~= '#' then
            local r = record(id, 'watch')
            if not r or r.phase == 'queued' or r.phase == 'archiving' or
                (TERMINAL[r.phase] and not r.watch) then
                call('HDEL', slots, id)
                repairs = repairs + 1
            else
                sum = sum + tonumber(held[k + 1])
            end
        end
    end
    if #held > 0 then call('HSET', slots, '#', sum) end
end

-- Lists name tasks that have been forgotten since.
for k = 4 + account_count, #item do
    local gone = 0
    for _, id in ipairs(call('LRANGE', key('own', item[k]), 0, 99)) do
        if call('EXISTS', key('t', id)) == 1 then break end
        gone = gone + 1
    end
    if gone > 0 then call('LTRIM', key('own', item[k]), gone, -1) end
end
return {step[1], repairs}
