#!lua flags=allow-oom
-- Compares a piece of the key space with the records, which are the truth, and mends what is missing: due
-- entries, looks, lane entries, slots, deliveries. Ends tasks that have waited too long for a vendor, and tasks
-- that run at an account that isn't configured.
--
-- All workers sweep together: where they are is noted in Redis. A sweep counts the slots that tasks hold, and at
-- its end an account has as many taken as were counted. It begins anew where another server answers, for
-- whose keys the cursor isn't.
-- Item: count, the id before which a queued task is too old or "", ms that jobs may run where their account's
--   own time isn't known, number of accounts, the accounts, then the keys whose lists are trimmed.
-- Answer: {cursor, "0" at the end; repairs, {accounts that tasks wait for},
--   {id, "1" where its request is stored, ... of the tasks that were ended}, with_ends}
--#lib
local item = items()[1]
local count, oldest, timeout_ms, account_count = item[1], item[2], tonumber(item[3]), tonumber(item[4])
local FIRST = 5 -- of the accounts, in the item
local repairs = 0
local is_known, is_gone, gone, ended = {}, {}, {}, {}
for i = FIRST, FIRST + account_count - 1 do is_known[item[i]] = true end

local SWEEP, PASSES = '{spool}:sweep', 100 -- a number comes again when no record can have it any more
local server = string.match(call('INFO', 'server'), 'run_id:(%x+)')
local cursor, pass, run = unpack(call('HMGET', SWEEP, 'cursor', 'pass', 'run'))
if not pass or run ~= server then
    cursor, pass = '0', tostring(call('HINCRBY', SWEEP, 'last', 1) % PASSES)
    call('HSET', SWEEP, 'pass', pass, 'run', server)
end
local step = call('SCAN', cursor, 'MATCH', '{spool}:t:*', 'COUNT', count)
if step[1] ~= '0' then call('HSET', SWEEP, 'cursor', step[1]) end

local function mend(id, what)
    repairs = repairs + 1
    log(id, 'repaired', what)
end

local function fail(r, code, message)
    log(r.id, 'failed', message)
    finish(r, 'failed', {"code", code, "error", message}, true, nil)
    for _, word in ipairs({r.id, r.big or ''}) do ended[#ended + 1] = word end
end

local function miss(account)
    if not is_gone[account] then gone[#gone + 1] = account end
    is_gone[account] = true
end

local function words_of(r)
    local words = string.match(r.wait or '', '^%S+ %S+ (.+)$')
    return words or 'no account could take it in time'
end

-- Counts the slots that the task holds, once in a sweep.
local function count_slots(r)
    local cost, counted = slots_of(r.slot)
    if counted == pass then return end
    if cost == 0 then
        cost = tonumber(r.cost or 1)
        mend(r.id, 'slot')
    end
    call('HSET', key('t', r.id), "slot", cost .. ' ' .. pass)
    call('HSET', SWEEP, '@' .. r.account, pass)
    call('HINCRBY', key('slots', r.account), '#' .. pass, cost)
    if r.code == 'submit_outcome_unknown' then call('HINCRBY', key('slots', r.account), '?' .. pass, cost) end
end

local function mend_queued(r)
    local in_due = call('ZSCORE', '{spool}:due', r.id)
    if oldest ~= '' and r.id < oldest then
        fail(r, 'vendor_unavailable', words_of(r))
    elseif r.await then
        local p = record(r.await, "sub", "account", "upstream")
        call('SADD', key('await', r.await), r.id)
        if not p or TERMINAL[p.phase] then end_awaiting(r.await)
        elseif p.sub and p.upstream then
            queue_awaiting(r.await, p.account, p.upstream)
        end
    elseif not in_due and not call('ZSCORE', key('lane', r.lane), r.id) then
        enqueue(r.lane, r.owner, r.id)
        mend(r.id, 'lane')
        tell('wake', r.lane)
    end
    if r.account and not is_known[r.account] then miss(r.account) end
end

-- Nobody can ask the task's vendor, as its account isn't configured. It goes on if the account comes back in
-- time.
local function mend_lost(r)
    local state = call('HGET', key('acct', r.account), 'timeout')
    local since = tonumber(r.arch or r.started or r.doubt or now)
    local message = 'the account ' .. r.account .. ' is no longer configured'
    miss(r.account)
    local may_run_ms = math.max(tonumber(state or timeout_ms), 1000 * tonumber(r.patience or 0))
    if now - since > may_run_ms then
        fail(r, 'account_removed', message)
    elseif string.match(r.wait or '', '^%S+') ~= 'account_removed' then
        set_wait(r, 'account_removed', message)
    end
end

for _, t in ipairs(step[2]) do
    local id = t:sub(#key('t', '') + 1)
    local r = record(id, "owner", "lane", "account", "cost", "watch", "hook", "await", "wait", "progress",
        "started", "doubt", "arch", "big", "cold", "slot", "code", "patience")
    if r and r.phase == 'queued' then
        mend_queued(r)
    elseif r then
        local is_lost = r.account and not is_known[r.account] and not TERMINAL[r.phase] and
            r.phase ~= 'submitting'
        if not is_lost and string.match(r.wait or '', '^%S+') == 'account_removed' then
            call('HDEL', t, "wait")
        end
        if LOOKED_AT[r.phase] then
            if not call('ZSCORE', key('look', r.account), id) then
                call('ZADD', key('look', r.account), now, id)
                mend(id, 'look')
            end
        elseif not TERMINAL[r.phase] or r.watch then
            if not call('ZSCORE', '{spool}:due', id) then
                call('ZADD', '{spool}:due', now, id)
                mend(id, 'due')
            end
        end
        local holds = r.account and tonumber(r.cost or 1) > 0 and
            (r.watch or r.phase == 'submitting' or r.phase == 'in_doubt' or LOOKED_AT[r.phase])
        if holds then count_slots(r)
        elseif r.slot then
            free_slot(r.account, id, r.code == 'submit_outcome_unknown')
            mend(id, 'slot')
        end
        if r.hook then
            local d = call('HMGET', key('d', id), 'n', 'head', 'redo', 'gone')
            local is_pending = tonumber(d[2] or 1) <= tonumber(d[1] or 0) or d[3]
            if is_pending and not d[4] and not has_deliveries(id) then
                call('ZADD', '{spool}:hooks', now, id)
                tell('ring', id)
                mend(id, 'delivery')
            end
        end
        if is_lost then mend_lost(r) end
    end
end

-- Each account has as many slots taken as were counted.
local function settle_slots(account)
    local slots = key('slots', account)
    local sums = {}
    local held = call('HGETALL', slots)
    for i = 1, #held, 2 do
        sums[held[i]] = held[i + 1]
        if #held[i] > 1 then call('HDEL', slots, held[i]) end
    end
    for _, name in ipairs({'#', '?'}) do
        local counted = tonumber(sums[name .. pass] or 0)
        if counted ~= tonumber(sums[name] or 0) then
            repairs = repairs + 1
            if name == '?' and counted == 0 then call('HDEL', slots, name)
            else call('HSET', slots, name, counted) end
        end
    end
end

if step[1] == '0' then
    local accounts = {unpack(item, FIRST, FIRST + account_count - 1)}
    for _, name in ipairs(call('HKEYS', SWEEP)) do
        if name:sub(1, 1) == '@' then
            call('HDEL', SWEEP, name)
            if not is_known[name:sub(2)] then accounts[#accounts + 1] = name:sub(2) end
        end
    end
    for _, account in ipairs(accounts) do settle_slots(account) end
    call('HDEL', SWEEP, 'pass', 'cursor')
    call('ZREMRANGEBYSCORE', '{spool}:exhausted', '-inf', now - tonumber(retention_ms))
end

-- Lists still name tasks that have been forgotten since: the oldest ones, at the front.
local PIECE, PIECES = 200, 50
for k = FIRST + account_count, #item do
    local own = key('own', item[k])
    for _ = 1, PIECES do
        local ids = call('LRANGE', own, 0, PIECE - 1)
        local first = 1
        while ids[first] and call('EXISTS', key('t', ids[first])) == 0 do first = first + 1 end
        if first > 1 then call('LTRIM', own, first - 1, -1) end
        if first <= #ids or #ids == 0 then break end
    end
    if call('EXISTS', own) == 1 then call('SADD', '{spool}:owners', item[k]) else call('SREM', '{spool}:owners', item[k]) end
end
return with_ends({step[1], repairs, gone, ended})
