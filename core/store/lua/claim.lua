#!lua flags=allow-oom
-- Claims queued tasks for submitting: the least loaded healthy account first, never more than it has
-- free slots for. The claim is a lease in the due set, and its number fences later writes.
-- Item 1: which claim of this process it is, max, lease in ms. Then per account: name, how many of its
--   submits this process has room for, max_concurrency, weight, requests_per_minute, and its lanes: model
--   lanes, follow-ups ("@account"), what needs no slot ("?..."); "a*" is every lane that begins with a.
-- Answer: {{ms until a cooling account may act, or -1}, {fields, request, result}...}
--#lib
local list = items()
local serial, max, lease_ms = list[1][1], tonumber(list[1][2]), tonumber(list[1][3])
local answer = {{-1}}

local before = given_before('submit', serial)
if before then
    for i = 1, #before, 2 do
        local id, n = before[i], tonumber(before[i + 1])
        local r = record(id)
        if r and r.phase == 'submitting' and r.n == n then answer[#answer + 1] = whole(id) end
    end
    answer[1][1] = 0
    return answer
end

local is_ready = {}
for _, lane in ipairs(call('SMEMBERS', '{spool}:lanes')) do is_ready[lane] = true end
if not next(is_ready) then return answer end

local function may_act_at(time)
    local ms = math.max(time - now, 1)
    if answer[1][1] < 0 or ms < answer[1][1] then answer[1][1] = ms end
end

-- Adds those lanes that aren't empty; a name that ends with a star stands for every lane that begins with it.
local function add_lanes(lanes, name)
    if name:sub(-1) ~= '*' then
        if is_ready[name] then lanes[#lanes + 1] = name end
        return
    end
    local is_in = {}
    for _, lane in ipairs(lanes) do is_in[lane] = true end
    for lane in pairs(is_ready) do
        if lane:sub(1, #name - 1) == name:sub(1, -2) and not is_in[lane] then lanes[#lanes + 1] = lane end
    end
end

local accounts, given = {}, {}
for i = 2, #list do
    local item = list[i]
    local a = {name = item[1], room = tonumber(item[2]), cap = tonumber(item[3]),
        weight = tonumber(item[4]), every_ms = tonumber(item[5]) > 0 and 60000 / tonumber(item[5]) or 0,
        lanes = {}}
    for k = 6, #item do add_lanes(a.lanes, item[k]) end
    if #a.lanes > 0 and a.room > 0 then
        local state = call('HMGET', key('acct', a.name), 'cool', 'out', 'tat', 'fails', 'off')
        local cool = tonumber(state[1] or 0)
        a.tat = tonumber(state[3] or 0)
        a.fails = tonumber(state[4] or 0)
        a.used = tonumber(call('HGET', key('slots', a.name), '#') or 0)
        if state[2] or state[5] then -- the account's key is bad, or it is switched off
        elseif cool > now then may_act_at(cool)
        else accounts[#accounts + 1] = a end
    end
end

local function has_room(a, cost)
    return cost == 0 or a.cap == 0 or a.used + cost <= a.cap
end

local function claim(a, lane, id, score)
    local r = record(id, "owner", "cost", "progress", "log")
    if not r or r.phase ~= 'queued' then return end
    local cost = tonumber(r.cost or 1)
    if not has_room(a, cost) then
        call('ZADD', key('lane', lane), score, id)
        call('SADD', '{spool}:lanes', lane)
        return 'no room'
    end
    submit(r, a.name, cost, lease_ms)
    a.used = a.used + cost
    if a.every_ms > 0 then
        a.tat = math.max(a.tat, now) + a.every_ms
        call('HSET', key('acct', a.name), 'tat', a.tat)
    end
    a.room = a.room - 1
    answer[#answer + 1] = whole(id)
    given[#given + 1] = id
    given[#given + 1] = r.n
end

local function take_from(a)
    while #a.lanes > 0 do
        -- The first task of the lane with the lowest virtual time, among the lanes that this account can
        -- serve now.
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

-- The least loaded account is better; of two that are alike the one that has failed less lately, so that a
-- task that one has refused comes to another.
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
    if a.room <= 0 then
        table.remove(accounts, best)
    elseif a.tat > now then
        may_act_at(a.tat)
        table.remove(accounts, best)
    elseif not take_from(a) then
        table.remove(accounts, best)
    end
end
note_given('submit', serial, given, lease_ms)
return answer
