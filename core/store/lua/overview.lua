#!lua flags=no-writes
-- How all of Spool stands, for operators.
-- Item: accounts.
-- Answer: {{lane, how many wait there, the id of the oldest of those at its front, ...},
--   {provider, how many of its tasks wait for a retry, the oldest of these, ...},
--   {{disabled, why it is out or "", cooling until, the rate allows the next from, slots, jobs there}, ...},
--   {process and role, what it said last, ...},
--   {receiver, deliveries that wait for it, ...}, {receiver, tasks with exhausted deliveries, ...},
--   {what storages fail on, as in trouble, ...}, {of Redis: bytes used, at most or 0, 1 where it appends to a
--   file, when it last saved a snapshot, 1 where the last write to disk failed}}
--#lib
local FIRST, RETRIES_MAX, EXHAUSTED_MAX = 50, 2000, 2000
local lanes, later, accounts, hooks, exhausted = {}, {}, {}, {}, {}

local function oldest_of(ids)
    local oldest = ids[1] or ''
    for _, id in ipairs(ids) do if id < oldest then oldest = id end end
    return oldest
end

-- Turns a table from names to counts into a list.
local function listed(counts)
    local list = {}
    for name, count in pairs(counts) do
        list[#list + 1] = name
        list[#list + 1] = count
    end
    return list
end

for _, lane in ipairs(call('SMEMBERS', '{spool}:lanes')) do
    lanes[#lanes + 1] = lane
    lanes[#lanes + 1] = call('ZCARD', key('lane', lane))
    lanes[#lanes + 1] = oldest_of(call('ZRANGE', key('lane', lane), 0, FIRST - 1))
end

local retries, oldest = {}, {}
for _, id in ipairs(call('ZRANGE', '{spool}:due', 0, RETRIES_MAX - 1)) do
    if call('HGET', key('t', id), "phase") == 'queued' then
        local provider = provider_of(record(id, "cold"))
        retries[provider] = (retries[provider] or 0) + 1
        if not oldest[provider] or id < oldest[provider] then oldest[provider] = id end
    end
end
for provider, count in pairs(retries) do
    for _, word in ipairs({provider, count, oldest[provider]}) do later[#later + 1] = word end
end

for i, account in ipairs(items()[1]) do
    local state = call('HMGET', key('acct', account), 'off', 'out', 'cool', 'tat')
    local used = call('HGET', key('slots', account), '#')
    accounts[i] = {state[1] and 1 or 0, state[2] or '', math.floor(tonumber(state[3] or 0)),
        math.floor(tonumber(state[4] or 0)), tonumber(used or 0), call('ZCARD', key('look', account))}
end

for _, kind in ipairs({'quick', 'slow'}) do
    for _, owner in ipairs(call('ZRANGE', '{spool}:' .. kind, 0, -1)) do
        for _, receiver in ipairs(call('ZRANGE', key(kind, owner), 0, -1)) do
            local count = call('ZCARD', key('hooks', owner .. ' ' .. receiver))
            hooks[receiver] = (hooks[receiver] or 0) + count
        end
    end
end

for _, id in ipairs(call('ZREVRANGE', '{spool}:exhausted', 0, EXHAUSTED_MAX - 1)) do
    local url = call('HGET', key('d', id), 'url')
    local receiver = url and receiver_of(url)
    if receiver then exhausted[receiver] = (exhausted[receiver] or 0) + 1 end
end

local info = call('INFO', 'memory') .. call('INFO', 'persistence')

local function number_of(name)
    return tonumber(string.match(info, '\n' .. name .. ':(%d+)') or 0)
end

local failed = string.find(info, 'last_bgsave_status:err', 1, true) or
    string.find(info, 'last_write_status:err', 1, true)

return {lanes, later, accounts, call('HGETALL', '{spool}:processes'), listed(hooks), listed(exhausted),
    call('HVALS', '{spool}:trouble'), {number_of('used_memory'), number_of('maxmemory'),
        number_of('aof_enabled'), number_of('rdb_last_save_time'), failed and 1 or 0}}
