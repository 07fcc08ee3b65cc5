#!lua flags=allow-oom
-- Makes keys of the first layout those of this one. In that layout names began with "spool:" alone, tasks' ids had
-- their "task_", and a record had the names of its fields for their letters, while its timeline and its slots were
-- in keys of their own. A step converts a piece of the key space, each key as a whole; whatever is left when
-- a process ends is found by the next.
-- Item: "" to begin with, then the cursor of the last answer.
-- Answer: {"done"} | {"more", cursor} | {"wait", what for}
--#lib
--#letters
local LAYOUT, NUMBER = '{spool}:layout', 2
local PIECE, AT_ONCE = 500, 1000
local BEAT_FRESH_MS = 20000
local cursor = items()[1][1]

local function of_now(name)
    return '{spool}:' .. string.gsub(string.sub(name, #'spool:' + 1), 'task_(%w+)', '%1')
end

local function bare(text)
    return (string.gsub(text, '^task_', ''))
end

-- Calls with many words, a thousand at a time.
local function call_in_pieces(command, name, words)
    for i = 1, #words, AT_ONCE do
        call(command, name, unpack(words, i, math.min(i + AT_ONCE - 1, #words)))
    end
end

local function keep_time(from, to)
    local left_ms = call('PTTL', from)
    if left_ms > 0 then call('PEXPIRE', to, left_ms) end
end

-- A copy in which the ids are spelled as they are now; `is_id` says which of its words are some.
local function respell(name, command, words, is_id)
    local to = of_now(name)
    for i, word in ipairs(words) do if is_id(i) then words[i] = bare(word) end end
    if #words > 0 then call_in_pieces(command, to, words) end
    keep_time(name, to)
    call('DEL', name)
end

local function every() return true end
local function odd(i) return i % 2 == 1 end
local function even(i) return i % 2 == 0 end

local function convert_zset(name)
    local words = call('ZRANGE', name, 0, -1, 'WITHSCORES')
    for i = 1, #words, 2 do words[i], words[i + 1] = words[i + 1], words[i] end
    respell(name, 'ZADD', words, even)
end

local function convert_stream(name)
    local to = of_now(name)
    local about = {}
    local info = call('XINFO', 'STREAM', name)
    for i = 1, #info, 2 do about[info[i]] = info[i + 1] end
    for _, entry in ipairs(call('XRANGE', name, '-', '+')) do
        call('XADD', to, entry[1], 'e', bare(entry[2][2]))
    end
    if call('EXISTS', to) == 0 then
        call('XADD', to, about['last-generated-id'], 'e', '')
        call('XTRIM', to, 'MAXLEN', 0)
    end
    call('XSETID', to, about['last-generated-id'], 'ENTRIESADDED', about['entries-added'], 'MAXDELETEDID',
        about['max-deleted-entry-id'])
    call('DEL', name)
end

-- What was a field each and is now in the cold one, in its order.
local COLD = {'provider', 'action', 'model', 'family', 'mode', 'state', 'parent', 'trace'}

local function convert_record(name)
    local id = string.sub(name, #'spool:t:' + 1)
    local to, old = of_now(name), {}
    local fields = call('HGETALL', name)
    for i = 1, #fields, 2 do old[fields[i]] = fields[i + 1] end
    local words, cold, last = {}, {}, 0
    for i, fact in ipairs(COLD) do
        cold[i] = bare(old[fact] or '')
        if cold[i] ~= '' then last = i end
    end
    words[1], words[2] = "cold", table.concat(cold, '\0', 1, last)
    for field, value in pairs(old) do
        if LETTERS[field] then
            words[#words + 1] = LETTERS[field]
            words[#words + 1] = field == 'await' and bare(value) or value
        end
    end
    local lines = call('LRANGE', 'spool:l:' .. id, 0, -1)
    if #lines > 0 then
        words[#words + 1] = "log"
        words[#words + 1] = table.concat(lines, '\n') .. '\n'
    end
    local slot = old.account and call('HGET', 'spool:slots:' .. old.account, id)
    if slot then
        words[#words + 1] = "slot"
        words[#words + 1] = slot
    end
    call('HSET', to, unpack(words))
    keep_time(name, to)
    call('DEL', name, 'spool:l:' .. id)
end

local function rename(name) call('RENAME', name, of_now(name)) end

local function convert_set(name) respell(name, 'SADD', call('SMEMBERS', name), every) end

local function convert_text(name)
    local to = of_now(name)
    call('SET', to, (string.gsub(call('GET', name), 'task_(%w+)', '%1')))
    keep_time(name, to)
    call('DEL', name)
end

local function drop(name) call('DEL', name) end
local function leave() end -- with the records that it belongs to, or at the end

-- By the kind of a key: what is between "spool:" and the next colon. Those that aren't here are renamed.
local CONVERT = {
    t = convert_record, l = leave, slots = leave, events = convert_stream,
    own = function(name) respell(name, 'RPUSH', call('LRANGE', name, 0, -1), every) end,
    lane = convert_zset, due = convert_zset, look = convert_zset, hooks = convert_zset, exhausted = convert_zset,
    alike = convert_zset, await = convert_set, idem = convert_text, mark = convert_text,
    once = function(name) respell(name, 'HSET', call('HGETALL', name), even) end,
    same = function(name) respell(name, 'HSET', call('HGETALL', name), odd) end,
    claimed = drop, processes = drop, workers = drop, trouble = drop,
}

-- An account keeps its sums; its tasks have their slots in their records by now.
local function finish_conversion()
    for _, name in ipairs(call('KEYS', 'spool:slots:*')) do
        local sums = call('HMGET', name, '#', '?')
        call('HSET', of_now(name), '#', sums[1] or 0)
        if sums[2] then call('HSET', of_now(name), '?', sums[2]) end
        call('DEL', name)
    end
    for _, name in ipairs(call('KEYS', 'spool:l:*')) do call('DEL', name) end
    call('SET', LAYOUT, NUMBER)
    return {'done'}
end

local function is_old_there()
    for _, name in ipairs({'events', 'owners', 'waiting', 'webhook_secret', 'callback_secret', 'processes'}) do
        local is_there = redis.pcall('EXISTS', 'spool:' .. name)
        if is_there == 1 then return true end
    end
    return false
end

local layout = tonumber(call('GET', LAYOUT) or 0) -- 1: a conversion has begun
if layout > NUMBER then return {'wait', 'the data in this Redis is of a newer Spool'} end
if cursor == '' then
    if layout == NUMBER then return {'done'} end
    if layout == 0 and not is_old_there() then
        call('SET', LAYOUT, NUMBER)
        return {'done'}
    end
    local said = call('HVALS', 'spool:processes')
    for _, words in ipairs(said) do
        if tonumber(string.match(words, '^%d+')) > now - BEAT_FRESH_MS then
            return {'wait', 'an older Spool still runs at this Redis, whose data is then converted: stop it'}
        end
    end
    call('SET', LAYOUT, 1)
    cursor = '0'
end
local step = call('SCAN', cursor, 'MATCH', 'spool:*', 'COUNT', PIECE)
for _, name in ipairs(step[2]) do
    local convert = CONVERT[string.match(name, '^spool:([^:]+)')] or rename
    if call('EXISTS', name) == 1 then convert(name) end
end
if step[1] == '0' then return finish_conversion() end
return {'more', step[1]}
