-- From phase to phase.

-- A doubt that has failed: its job may run at the vendor for as long as the account's jobs take. Its slot
-- stays taken until then, unless failed doubts would hold more than half of the account's slots. Returns the
-- time left; nil: the slot is free.
local function watch_of_doubt(r, typical_ms, cap)
    local cost, counted = slots_of(r.slot)
    local doubts = tonumber(call('HGET', key('slots', r.account), '?') or 0)
    local left = usual_ms(r.account, typical_ms) - (now - tonumber(r.doubt or now))
    if cost == 0 or left <= 0 or (cap > 0 and doubts + cost > cap / 2) then return nil end
    add_slots(r.account, '?', cost, counted, sweep_under_way())
    return left
end

-- What a task waits for, beside its vendor's work: reason, since when, the words for it.
local function set_wait(r, reason, detail)
    local old, since = string.match(r.wait or '', '^(%S+) (%S+)')
    if old ~= reason then since = now end
    call('HSET', key('t', r.id), "wait", reason .. ' ' .. since .. ' ' .. detail)
end

-- The watch of a task that has ended is over: its vendor job has ended, too, or the watch took as long as it
-- may.
local function end_watch(r)
    call('HDEL', key('t', r.id), "watch")
    call('ZREM', '{spool}:due', r.id)
    free_slot(r.account, r.id, r.code == 'submit_outcome_unknown')
    retire(r.id)
end

-- Tasks that have ended in this call, for whoever made it to count: provider, phase, error code, ... They are the
-- last of a script's answers, where there are any.
local ends = {}
local function note_end(r, phase, code)
    if not r.cold then r.cold = call('HGET', key('t', r.id), "cold") end
    for _, word in ipairs({provider_of(r), phase, code or ''}) do ends[#ends + 1] = word end
end

-- The answers with them.
local function with_ends(answers)
    if #ends > 0 then answers[#answers + 1] = ends end
    return answers
end

-- Ends a task, whatever it was doing. `r` needs phase, v, account, lane, owner, hook, progress, await. With
-- `watch_ms` its vendor job may still run: the slot stays taken until the job has ended.
local finish

-- The parent ends without having waited for its client: fails the tasks that waited for that.
local function end_awaiting(parent)
    local ids = call('SMEMBERS', key('await', parent))
    if #ids == 0 then return end
    for _, id in ipairs(ids) do
        local r = record(id, "owner", "lane", "account", "progress", "hook", "await", "cold")
        if r and r.phase == 'queued' and r.await then
            log(id, 'failed', 'its parent has ended')
            finish(r, 'failed', {"code", 'invalid_request', "error",
                'taskId: the task has ended without waiting for a confirmation'}, true, nil)
        end
    end
    call('DEL', key('await', parent))
end

-- The parent waits for its client now: the tasks that waited for this are queued for the parent's account.
local function queue_awaiting(parent, account, upstream)
    for _, id in ipairs(call('SMEMBERS', key('await', parent))) do
        local r = record(id, "owner", "await")
        if r and r.phase == 'queued' and r.await then
            local lane = '?@' .. account
            call('HSET', key('t', id), "lane", lane, "account", account, "uparent", upstream)
            call('HDEL', key('t', id), "await")
            enqueue(lane, r.owner, id)
            tell('wake', lane)
        end
    end
    call('DEL', key('await', parent))
end

finish = function(r, phase, fields, notify, watch_ms)
    local t = key('t', r.id)
    local v = r.v + 1
    local progress = phase == 'succeeded' and 100 or r.progress
    local facts = {"ended", event(r.id, v, phase, progress, nil, r.owner), unpack(fields)}
    if progress then add_fact(facts, "progress", progress) end
    if watch_ms then add_fact(facts, "watch", now + watch_ms) end
    local code
    for k = 1, #fields, 2 do
        if fields[k] == "code" then code = fields[k + 1] end
    end
    call('HSET', t, "phase", phase, "v", v, "by", by, "finished", now, "at", now, unpack(facts))
    call('HDEL', t, "sub", "missing", "doubt", "arch", "wait", "await", "look")
    if r.phase == 'queued' then
        unqueue(r.lane, r.id)
        if r.await then call('SREM', key('await', r.await), r.id) end
        count_waiting(r.owner, -1)
    end
    if r.account then call('ZREM', key('look', r.account), r.id) end
    if watch_ms then
        call('ZADD', '{spool}:due', now + 1000, r.id)
    else
        call('ZREM', '{spool}:due', r.id)
        free_slot(r.account, r.id)
    end
    if r.hook and notify then deliver(r.id, v, phase, progress, nil) end
    note_end(r, phase, code)
    end_awaiting(r.id)
    retire(r.id)
    return v
end

-- Transitions between phases: all scripts make them by these functions. `r` is the record, with the fields
-- that the transition reads; afterwards `r` is as the record is then. Whether a change is told (deliver) is
-- left to the caller.

-- Phase -> the phases that may follow; a task may also end in any of them. The same table is in
-- core/task/task.h, beside the picture.
local NEXT = {
    queued = {submitting = 1},
    submitting = {queued = 1, in_doubt = 1, submitted = 1, archiving = 1},
    in_doubt = {queued = 1, in_doubt = 1, submitted = 1},
    submitted = {submitted = 1, rendering = 1, archiving = 1},
    rendering = {rendering = 1, archiving = 1},
    archiving = {archiving = 1},
}

-- Makes the step, and sets the fields of the record that come with it; a field that is "" is deleted.
local function step(r, phase, facts)
    local t = key('t', r.id)
    r.phase, r.v = phase, r.v + 1
    call('HSET', t, "phase", phase, "v", r.v, "by", by, "at", now, unpack(facts))
    for k = 1, #facts, 2 do
        local name, value = facts[k], facts[k + 1]
        if value == '' then call('HDEL', t, name) end
        r[name] = value ~= '' and value or nil
    end
end

local function step_event(r)
    event(r.id, r.v, r.phase, r.progress, r.sub, r.owner)
end

-- The task is claimed: its lease begins, and its slot is taken.
local function submit(r, account, cost, lease_ms)
    step(r, 'submitting', {"n", r.n + 1, "account", account, "log", with_line(r.log, 'claimed', account)})
    call('ZADD', '{spool}:due', now + lease_ms, r.id)
    count_waiting(r.owner, -1)
    take_slot(account, r.id, cost)
    step_event(r)
end

-- The task goes back to the front of its queue, now or after a while. A follow-up keeps its account, and so does
-- what is moved to another one.
local function requeue(r, delay_ms, facts)
    local t, account = key('t', r.id), r.account
    step(r, 'queued', facts)
    call('HDEL', t, "doubt", "sent", "call", "hint")
    free_slot(account, r.id)
    if r.lane:sub(1, 1) ~= '@' and r.lane:sub(1, 2) ~= '?@' then call('HDEL', t, "account") end
    count_waiting(r.owner, 1)
    if delay_ms > 0 then
        call('ZADD', '{spool}:due', now + delay_ms, r.id)
    else
        call('ZREM', '{spool}:due', r.id)
        enqueue(r.lane, r.owner, r.id, true)
        tell('wake', r.lane)
    end
    step_event(r)
end

-- Nothing has left to the vendor, and the client has cancelled the task.
local function cancel_unsent(r)
    log(r.id, 'cancelled', 'before it was submitted')
    finish(r, 'cancelled', {}, true, nil)
end

-- Cancels a task: this alone decides between a cancel and another change that comes at the same time. `owner`
-- "": anybody's. Returns "missing", "ended", "before_submit", "requested" or "not_supported_may_be_billed".
local function cancel(id, owner, vendor_can, watch_ms)
    local r = record(id, "owner", "lane", "account", "progress", "hook", "cancel", "by", "upstream", "await",
        "sent", "started", "call", "cold")
    if not r or (owner ~= '' and r.owner ~= owner) then return 'missing' end
    if again == '1' and r.phase == 'cancelled' and r.by == by then -- by us before: the reply was lost
        note_end(r, r.phase)
        -- A task that the vendor answers with its result has no vendor's id; but it was sent.
        return (r.upstream or r.sent or r.started) and 'not_supported_may_be_billed' or 'before_submit'
    end
    if TERMINAL[r.phase] then return 'ended' end
    if r.phase == 'queued' then
        cancel_unsent(r)
        return 'before_submit'
    end
    local is_open = r.phase == 'submitting' and r.call and r.sent
    if not is_open and (r.phase == 'submitting' or r.phase == 'in_doubt' or vendor_can == '1') then
        if not r.cancel then log(id, 'cancel_requested', '') end
        call('HSET', key('t', id), "cancel", 1)
        if LOOKED_AT[r.phase] then
            call('ZADD', key('look', r.account), now, id)
            tell('wake', r.account)
        end
        return 'requested'
    end
    log(id, 'cancelled', 'the vendor cannot cancel: it may be billed')
    -- While a task is being archived its vendor job has ended: there is nothing left to watch.
    -- A call is over with its connection, which its worker closes.
    local is_watched = r.phase ~= 'archiving' and not is_open
    finish(r, 'cancelled', {}, true, is_watched and tonumber(watch_ms) or nil)
    tell('wake', is_open and 'task_' .. id or '')
    return 'not_supported_may_be_billed'
end

-- Nobody knows whether the vendor has the task. How often this happened is counted for good: a task that is
-- submitted again may have been accepted before.
local function doubt(r, delay_ms, facts)
    local is_first = r.phase ~= 'in_doubt'
    if is_first then add_fact(facts, "doubt", now) end
    step(r, 'in_doubt', facts)
    if is_first then call('HINCRBY', key('t', r.id), "doubts", 1) end
    call('ZADD', '{spool}:due', now + delay_ms, r.id)
    step_event(r)
end

-- The vendor has the task, or has been seen to go on with it.
local function follow(r, phase, look_ms, facts)
    local is_first = not LOOKED_AT[r.phase]
    if is_first then
        -- What its progress is told by, where its vendor tells none: by one number it never goes back.
        local expected = span_median(span_name(r))
        add_fact(facts, "started", now)
        if expected then add_fact(facts, "expected", math.floor(expected)) end
    end
    step(r, phase, facts)
    if is_first then
        call('HDEL', key('t', r.id), "doubt", "sent")
        call('ZREM', '{spool}:due', r.id)
        call('ZADD', key('look', r.account), now + look_ms, r.id)
    end
    if r.sub and r.upstream then queue_awaiting(r.id, r.account, r.upstream) end
    step_event(r)
end

-- The vendor's job is done: the slot is free, and its files are fetched. A call has had no other start than
-- when it was sent.
local function archive(r, delay_ms, facts)
    local is_first, is_call = r.phase ~= 'archiving', r.phase == 'submitting'
    if is_first then add_fact(facts, "arch", now) end
    if is_call then add_fact(facts, "started", r.sent or now) end
    step(r, 'archiving', facts)
    if is_call then call('HDEL', key('t', r.id), "sent", "call") end
    if is_first then
        call('HDEL', key('t', r.id), "missing", "sub", "look")
        r.sub = nil
        free_slot(r.account, r.id)
        call('ZREM', key('look', r.account), r.id)
    end
    call('ZADD', '{spool}:due', now + delay_ms, r.id)
    step_event(r)
end
