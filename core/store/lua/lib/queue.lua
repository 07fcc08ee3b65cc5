-- Where tasks wait and what they take: lanes, slots, requests that a client sends again, claims, accounts.

-- Queued tasks.

local function count_waiting(owner, by_how_many)
    call('HINCRBY', '{spool}:waiting', '*', by_how_many)
    call('HINCRBY', '{spool}:waiting', owner, by_how_many)
end

-- Keys take turns: a task's virtual time is the later of the lane's clock and the virtual time of its key's
-- last task, plus one. A task that comes back from a refusal goes to the front.
local function enqueue(lane, owner, id, in_front)
    local vt = key('vt', lane)
    local times = call('HMGET', vt, 'clock', 'o:' .. owner)
    local score = tonumber(times[1] or 0)
    if not in_front then
        score = math.max(score, tonumber(times[2] or 0)) + 1
        call('HSET', vt, 'o:' .. owner, score)
    end
    if call('ZADD', key('lane', lane), score, id) == 1 then call('SADD', '{spool}:lanes', lane) end
end

local function forget_if_empty(lane)
    if call('EXISTS', key('lane', lane)) == 0 then
        call('DEL', key('vt', lane))
        call('SREM', '{spool}:lanes', lane)
        return true
    end
    return false
end

local function unqueue(lane, id)
    call('ZREM', key('lane', lane), id)
    call('ZREM', '{spool}:due', id)
    forget_if_empty(lane)
end

-- Slots. The record of a task that holds some says how many, and the account has the sum. A sweep of all
-- records counts them anew, while tasks take them and give them back: what it has counted, and what was taken
-- since it began, has its number behind the cost.

local function slots_of(text)
    local cost, pass = string.match(text or '', '^(%d+) ?(%d*)$')
    return tonumber(cost or 0), pass
end

-- `counted` is the number of the sweep that has counted those slots, or "".
local function add_slots(account, name, cost, counted, pass)
    local slots = key('slots', account)
    local sum = call('HINCRBY', slots, name, cost)
    if name == '?' and sum <= 0 then call('HDEL', slots, name) end
    if pass and pass == counted then call('HINCRBY', slots, name .. pass, cost) end
end

local sweep_read -- by this call: its number, or false

local function sweep_under_way()
    if sweep_read == nil then sweep_read = call('HGET', '{spool}:sweep', 'pass') end
    return sweep_read or nil
end

local function take_slot(account, id, cost)
    if cost <= 0 then return end
    local pass = sweep_under_way()
    if call('HSETNX', key('t', id), "slot", pass and cost .. ' ' .. pass or cost) == 1 then
        add_slots(account, '#', cost, pass, pass)
    end
end

local function free_slot(account, id, is_doubts)
    local held = account and call('HGET', key('t', id), "slot")
    if not held then return end
    local cost, counted = slots_of(held)
    local pass = sweep_under_way()
    call('HDEL', key('t', id), "slot")
    add_slots(account, '#', -cost, counted, pass)
    if is_doubts then add_slots(account, '?', -cost, counted, pass) end
    tell('wake', account)
end

-- Requests that a client sends again.

local SAME_MS, SAME_KEPT = 86400000, 16
local BEAT_MS = 7500 -- a front door that hasn't beaten for so long has gone, and its clients with it

local function has_gone(holder)
    if holder == '-' or holder == '+' then return holder == '-' end
    local beat = call('HGET', '{spool}:processes', holder .. ' api')
    return not beat or tonumber(string.match(beat, '^%d+')) < now - BEAT_MS
end

local function note_same(owner, hash, id, holder)
    local name = key('same', owner .. ':' .. hash)
    call('HSET', name, id, holder)
    call('PEXPIRE', name, SAME_MS)
    if call('HLEN', name) <= SAME_KEPT then return end
    local ids = call('HKEYS', name)
    table.sort(ids)
    call('HDEL', name, ids[1]) -- ids are in the order of time
end

-- The task that an earlier request with the same body made, nil where this one asks for another. One that its
-- client says it sends again gets any that may have cost something, the newest; but rather, as each other gets it,
-- one that still runs and for whose end nobody waits any more.
local function join(owner, hash, holder, is_resent)
    local name, best = key('same', owner .. ':' .. hash), nil
    local noted = call('HGETALL', name)
    for i = 1, #noted, 2 do
        local id = noted[i]
        local r = record(id, "code", "gone")
        local is_left = r and not TERMINAL[r.phase] and has_gone(noted[i + 1])
        local fits = r and not r.gone and (is_left or is_resent and r.code ~= 'vendor_unavailable')
        if fits and (not best or is_left and not best.is_left or is_left == best.is_left and id > best.id) then
            best = {id = id, is_left = is_left}
        end
    end
    if best and holder ~= '+' then call('HSET', name, best.id, holder) end
    return best and best.id
end

-- How long jobs of the account take: the median of the last TOOK_KEPT jobs.
local TOOK_KEPT = 15

local function note_duration(account, ms)
    call('LPUSH', key('took', account), ms)
    call('LTRIM', key('took', account), 0, TOOK_KEPT - 1)
end

local function usual_ms(account, typical_ms)
    local took = call('LRANGE', key('took', account), 0, -1)
    for i, ms in ipairs(took) do took[i] = tonumber(ms) end
    table.sort(took)
    return took[math.ceil(#took / 2)] or typical_ms
end

-- What a claim gave is kept as long as its lease: where the answer to a claim was lost, the worker claims
-- again with the same number, and gets the same tasks.
local function given_before(kind, serial)
    local words = string.gmatch(call('GET', key('claimed', by .. ':' .. kind)) or '', '%S+')
    if words() ~= serial then return nil end
    local list = {}
    for word in words do list[#list + 1] = word end
    return list
end

local function note_given(kind, serial, words, lease_ms)
    if #words == 0 then return end
    call('SET', key('claimed', by .. ':' .. kind), serial .. ' ' .. table.concat(words, ' '), 'PX', lease_ms)
end

-- Accounts. An account cools for 1 s after a failure, doubling to 60 s with each further one in a row;
-- failures of one moment count once.
local function cool_down(account, at_least_ms)
    local acct = key('acct', account)
    if tonumber(call('HGET', acct, 'cool') or 0) > now then return end
    local fails = call('HINCRBY', acct, 'fails', 1)
    local ms = math.min(1000 * 2 ^ math.min(fails - 1, 6), 60000)
    call('HSET', acct, 'cool', now + math.max(ms, at_least_ms or 0))
end

local function warm_up(account)
    call('HDEL', key('acct', account), 'fails', 'cool')
end
