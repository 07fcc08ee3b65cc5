#!lua flags=allow-oom
-- Claims queued tasks for submitting: the least loaded healthy account first, never more than it has
-- free slots for. The claim is a lease in the due set, and its number fences later writes.
-- Item 1: max, lease in ms, which claim of this process it is. Then per account: name, max_concurrency, weight, requests_per_minute,
--   and its lanes: model lanes, follow-ups ("@account"), what needs no slot ("?...").
-- Answer: {{ms until a cooling account may act, or -1}, {fields, request, result}...}
--#lib
local list = items()
local max, lease_ms = tonumber(list[1][1]), tonumber(list[1][2])
local answer = {{-1}}
local given = 'spool:claimed:' .. by -- "claim id id ...": what the last one gave

-- Sent again after a lost reply: nobody has what that gave.
if again == '1' then
    local words = string.gmatch(call('GET', given) or '', '%S+')
    if words() == list[1][3] then
        for id in words do
            local r = record(id, 'by')
            if r and r.phase == 'submitting' and r.by == by then answer[#answer + 1] = whole(id) end
        end
        return answer
    end
end

local is_ready = {}
for _, lane in ipairs(call('SMEMBERS', 'spool:lanes')) do is_ready[lane] = true end
if not next(is_ready) then return answer end

local function may_act_at(time)
    local ms = math.max(time - now, 1)
    if answer[1][1] < 0 or ms < answer[1][1] then answer[1][1] = ms end
end

local accounts, ids = {}, {}
for i = 2, #list do
    local item = list[i]
    local a = {name = item[1], cap = tonumber(item[2]), weight = tonumber(item[3]),
        every_ms = tonumber(item[4]) > 0 and 60000 / tonumber(item[4]) or 0, lanes = {}}
    for k = 5, #item do
        if is_ready[item[k]] then a.lanes[#a.lanes + 1] = item[k] end
    end
    if #a.lanes > 0 then
        local state = call('HMGET', key('acct', a.name), 'cool', 'out', 'tat', 'fails')
        local cool = tonumber(state[1] or 0)
        a.tat = tonumber(state[3] or 0)
        a.fails = tonumber(state[4] or 0)
        a.used = tonumber(call('HGET', key('slots', a.name), '#') or 0)
        if state[2] then -- its key is bad
        elseif cool > now then may_act_at(cool)
        else accounts[#accounts + 1] = a end
    end
end

local function has_room(a, cost)
    return cost == 0 or a.cap == 0 or a.used + cost <= a.cap
end

local function claim(a, lane, id, score)
    local r = record(id, 'owner', 'cost', 'progress')
    if not r or r.phase ~= 'queued' then return end
    local cost = tonumber(r.cost or 1)
    if not has_room(a, cost) then
        call('ZADD', key('lane', lane), score, id)
        call('SADD', 'spool:lanes', lane)
        return 'no room'
    end
    call('HSET', key('t', id), 'phase', 'submitting', 'v', r.v + 1, 'n', r.n + 1, 'by', by,
        'account', a.name, 'at', now)
    call('ZADD', 'spool:due', now + lease_ms, id)
    count_waiting(r.owner, -1)
    take_slot(a.name, id, cost)
    a.used = a.used + cost
    event(id, r.v + 1, 'submitting', r.progress, nil, r.owner)
    log(id, 'claimed', a.name)
    if a.every_ms > 0 then
        a.tat = math.max(a.tat, now) + a.every_ms
        call('HSET', key('acct', a.name), 'tat', a.tat)
    end
    answer[#answer + 1] = whole(id)
    ids[#ids + 1] = id
end

local function take_from(a)
    while #a.lanes > 0 do
        -- The head with the lowest virtual time, among lanes that this account can serve now.
        local best, best_score
        for k, lane in ipairs(a.lanes) do
            if lane:sub(1, 1) == '?' or has_room(a, 1) then
                local head = call('ZRANGE', key('lane', lane), 0, 0, 'WITHSCORES')
                local score = tonumber(head[2] or -1)
                if head[1] and (not best or score < best_score) then best, best_score = k, score end
            end
        end
        if not best then return false end
        local lane = a.lanes[best]
        local popped = call('ZPOPMIN', key('lane', lane))
        if not forget_if_empty(lane) then call('HSET', key('vt', lane), 'clock', popped[2]) end
        if claim(a, lane, popped[1], popped[2]) == 'no room' then table.remove(a.lanes, best)
        else return true end
    end
    return false
end

-- The least loaded; of those alike the one that failed less lately, so that what one has refused
-- comes to another.
local function is_better(a, b)
    local left, right = a.used / a.weight, b.used / b.weight
    return left < right or left == right and a.fails < b.fails
end

while #answer <= max and #accounts > 0 do
    local best
    for k, a in ipairs(accounts) do
        if not best or is_better(a, accounts[best]) then best = k end
    end
    local a = accounts[best]
    if a.tat > now then
        may_act_at(a.tat)
        table.remove(accounts, best)
    elseif not take_from(a) then
        table.remove(accounts, best)
    end
end
if #ids > 0 then
    call('SET', given, list[1][3] .. ' ' .. table.concat(ids, ' '), 'PX', lease_ms)
end
return answer
