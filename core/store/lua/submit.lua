#!lua
-- New tasks. Refused when Redis is full: tasks that run must still be able to finish.
-- Item: id, owner, lane, request, options, then field, value, ... The options are "", or JSON:
--   idem (hash of the Idempotency-Key) with body (hash), parent with once (what is asked of the parent), await
--   (the parent doesn't wait for this task yet, which is queued when it does), hook, unlisted, same (hash of
--   what is asked) with holder and resent (join.lua).
-- Answer: where the task is accepted, how many wait before it (0 where it had been accepted without a key
--   before: the reply was lost); else {"replayed", id, waiting} | {"mismatch"} | {"repeated", id} | {"full"} |
--   {"full_for_key"} | {"over"} (the parent has ended)
--
-- This is the busiest script: whatever the items of one call share is read once, and written once at the end.
--#lib
local NONE = {}
local IDEM_MS = 86400000
local LARGE = 4096 -- a record with a field above the server's hash-max-listpack-value takes twice the memory
local limit, key_limit = tonumber(queue_limit), tonumber(queue_limit_per_key)
local answers = {}
local waiting = {} -- per key, and "*"
local lanes = {}   -- name -> {count, clock, last = {key -> time}, add = {score, id, ...}}
local lists = {}   -- key -> ids

local function waiting_of(owner)
    if not waiting[owner] then
        waiting[owner] = {now = tonumber(call('HGET', '{spool}:waiting', owner) or 0), more = 0}
    end
    return waiting[owner]
end

local function lane_of(name)
    if not lanes[name] then
        lanes[name] = {count = call('ZCARD', key('lane', name)), last = {}, add = {},
            clock = tonumber(call('HGET', key('vt', name), 'clock') or 0)}
    end
    return lanes[name]
end

-- Adds a task to a lane, as enqueue() does for a single one.
local function line_up(name, owner, id)
    local lane = lane_of(name)
    local last = lane.last[owner] or tonumber(call('HGET', key('vt', name), 'o:' .. owner) or 0)
    lane.last[owner] = math.max(lane.clock, last) + 1
    lane.add[#lane.add + 1] = lane.last[owner]
    lane.add[#lane.add + 1] = id
    lane.count = lane.count + 1
end

local function accept(first, last)
    local id, owner, lane, request, options = unpack(ARGV, first, first + 4)
    options = options == '' and NONE or cjson.decode(options)
    local idem_key = options.idem and key('idem', owner .. ':' .. options.idem)
    local known = idem_key and call('GET', idem_key)

    if known then
        local hash, original, before, at = string.match(known, '^(%S+) (%S+) (%S+) (%S+)$')
        if now - tonumber(at) < IDEM_MS then
            if hash ~= options.body then return {'mismatch'} end
            if original == id then return tonumber(before) end
            return {'replayed', original, tonumber(before)}
        end
    end
    local earlier = options.same and join(owner, options.same, options.holder, options.resent)
    if earlier and earlier ~= id then return {'replayed', earlier, 0} end
    local parent = options.parent
    local original = parent and call('HGET', key('once', parent), options.once)
    local phase = original and original ~= id and call('HGET', key('t', original), "phase")
    if phase and phase ~= 'failed' and phase ~= 'cancelled' then return {'repeated', original} end

    local all, mine = waiting_of('*'), waiting_of(owner)
    local refusal = limit > 0 and all.now >= limit and 'full' or
        key_limit > 0 and mine.now >= key_limit and 'full_for_key'
    -- Sent again after a lost reply: has the task been made already?
    if again == '1' and call('EXISTS', key('t', id)) == 1 then return 0 end
    if refusal then return {refusal} end

    -- By now the parent may be waiting for this task, or have ended.
    local await = options.await and parent
    if await then
        local p = record(parent, "sub", "account", "upstream")
        if not p or TERMINAL[p.phase] then return {'over'} end
        if p.sub and p.upstream then
            await, lane = nil, '?@' .. p.account
            call('HSET', key('t', id), "account", p.account, "uparent", p.upstream)
        else
            call('HSET', key('t', id), "await", parent)
            call('SADD', key('await', parent), id)
        end
    end

    local before = await and 0 or lane_of(lane).count
    if #request > LARGE then
        call('SET', key('b', id), request)
        call('HSET', key('t', id), "phase", 'queued', "owner", owner, "lane", lane,
            unpack(ARGV, first + 5, last))
    else
        call('HSET', key('t', id), "phase", 'queued', "owner", owner, "lane", lane,
            "request", request, unpack(ARGV, first + 5, last))
    end
    if options.hook then call('HSET', key('d', id), 'url', options.hook) end
    if not options.unlisted then
        lists[owner] = lists[owner] or {}
        lists[owner][#lists[owner] + 1] = id
        call('XADD', '{spool}:events', 'MAXLEN', '~', '100000', '*', 'e', id .. ' 1 queued 0 0 ' .. owner)
    end
    -- As a rule the parent has ended: what is noted with it expires when its record does, which may just have
    -- happened.
    local left_ms = parent and call('PTTL', key('t', parent))
    if parent and left_ms ~= -2 then
        call('HSET', key('once', parent), options.once, id)
        if left_ms > 0 then call('PEXPIRE', key('once', parent), left_ms) end
    end
    if idem_key then
        -- Kept for twice as long as it counts, because Redis expires keys by its wall clock, which may be
        -- set.
        call('SET', idem_key, table.concat({options.body, id, before, now}, ' '), 'PX', 2 * IDEM_MS)
    end
    if options.same then
        note_same(owner, options.same, id, options.holder)
    end
    if not await then line_up(lane, owner, id) end
    for _, count in ipairs({all, mine}) do
        count.now = count.now + 1
        count.more = count.more + 1
    end
    return before
end

local at = 3
while at <= #ARGV do
    local last = at + tonumber(ARGV[at])
    answers[#answers + 1] = accept(at + 1, last)
    at = last + 1
end

for owner, count in pairs(waiting) do
    if count.more > 0 then call('HINCRBY', '{spool}:waiting', owner, count.more) end
end
for owner, ids in pairs(lists) do
    call('RPUSH', key('own', owner), unpack(ids))
    call('SADD', '{spool}:owners', owner)
end
for name, lane in pairs(lanes) do
    if #lane.add > 0 then
        call('ZADD', key('lane', name), unpack(lane.add))
        for owner, time in pairs(lane.last) do call('HSET', key('vt', name), 'o:' .. owner, time) end
        call('SADD', '{spool}:lanes', name)
        tell('wake', name)
    end
end
return answers
