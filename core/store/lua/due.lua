#!lua flags=allow-oom
-- Tasks that are due: retries go back to their lane, an expired submit that may have left becomes a doubt,
-- one that hasn't left is queued again; doubts, archives and watches are claimed. Each claim is a lease and
-- raises the counter.
-- Item: which claim of this process it is, max, lease in ms, how many archives of one account at most, then
--   {account, how many of its archives at most} of those that may have another number.
-- Answer: {{ms until the next, or -1, with_ends}, {kind, fields, request, result}...}
--#lib
local item = items()[1]
local serial, max, lease_ms = item[1], tonumber(item[2]), tonumber(item[3])
local answer = {{-1}}
local room, given = {}, {}
for i = 5, #item, 2 do room[item[i]] = tonumber(item[i + 1]) end

local before = given_before('due', serial)
if before then
    for i = 1, #before, 3 do
        local kind, id, n = before[i], before[i + 1], tonumber(before[i + 2])
        local r = record(id)
        if r and r.n == n then answer[#answer + 1] = {kind, unpack(whole(id))} end
    end
    answer[1][1] = 0
    return answer
end

local function claim(kind, id, n)
    call('HSET', key('t', id), "n", n + 1)
    call('ZADD', '{spool}:due', now + lease_ms, id)
    answer[#answer + 1] = {kind, unpack(whole(id))}
    for _, word in ipairs({kind, id, n + 1}) do given[#given + 1] = word end
end

-- Whether the task's account may have one more: where it has as many as it may, the tasks of others don't
-- wait behind it.
local function has_room(account)
    local left = room[account] or tonumber(item[4])
    if left > 0 then room[account] = left - 1 end
    return left > 0
end

-- Workers ask every few seconds. Where none has for longer, Redis was away or stood still, and nobody could renew
-- a lease. Returns since when somebody asks again.
local SILENCE_MS, NOTED_EVERY_MS = 7500, 1000
local function note_asked()
    local asked, back = string.match(call('GET', '{spool}:asked') or '', '^(%d+) (%d+)$')
    local silent_ms = asked and now - tonumber(asked)
    back = silent_ms and silent_ms > SILENCE_MS and now or tonumber(back or 0)
    if not silent_ms or silent_ms > NOTED_EVERY_MS then call('SET', '{spool}:asked', now .. ' ' .. back) end
    return back
end

local back = note_asked()
local due = call('ZRANGEBYSCORE', '{spool}:due', '-inf', now, 'WITHSCORES', 'LIMIT', 0, max)
for i = 1, #due, 2 do
    local id, time = due[i], tonumber(due[i + 1])
    local r = record(id, "lane", "owner", "account", "progress", "ask", "watch", "hook", "sent", "cancel",
        "code", "await")
    if not r then
        call('ZREM', '{spool}:due', id)
    elseif r.phase == 'queued' then
        call('ZREM', '{spool}:due', id)
        enqueue(r.lane, r.owner, id, true)
        tell('wake', r.lane)
    elseif r.phase == 'submitting' and (r.ask or not r.sent) then
        -- A question costs nothing, and a submit that wasn't begun hasn't left.
        log(id, 'requeued', 'whoever claimed it is gone')
        if r.cancel then cancel_unsent(r) else requeue(r, 0, {"n", r.n + 1}) end
    elseif r.phase == 'submitting' and time <= back then
        -- Its worker may well be there, with the vendor's answer or waiting for it: it gets the time to say so.
        call('ZADD', '{spool}:due', now + lease_ms, id)
    elseif r.phase == 'submitting' then
        -- The worker that claimed it is gone, or was stopped: the request may have left.
        doubt(r, 0, {})
        log(id, 'in_doubt', 'the submit was not finished in time')
        claim('doubt', id, r.n)
    elseif r.phase == 'in_doubt' then
        claim('doubt', id, r.n)
    elseif r.phase == 'archiving' and not has_room(r.account) then
        -- Looked at later, so that it holds up no other task; the more tasks are due, the less often such a
        -- one is tried.
        local waits_ms = math.min(math.max(call('ZCARD', '{spool}:due'), 100), 2000)
        call('ZADD', '{spool}:due', now + waits_ms, id)
    elseif r.phase == 'archiving' then
        claim('archive', id, r.n)
    elseif r.watch then
        if tonumber(r.watch) <= now then end_watch(r) else claim('watch', id, r.n) end
    elseif LOOKED_AT[r.phase] then
        call('ZREM', '{spool}:due', id)
        call('ZADD', key('look', r.account), now, id)
    else
        call('ZREM', '{spool}:due', id)
    end
end
note_given('due', serial, given, lease_ms)
local head = call('ZRANGE', '{spool}:due', 0, 0, 'WITHSCORES')
if head[2] then answer[1][1] = math.max(tonumber(head[2]) - now, 0) end
with_ends(answer[1])
return answer
