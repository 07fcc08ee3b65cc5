#!lua flags=no-writes
-- Ids of a key's tasks, the newest first: those that came before a given task (itself left out), or all; or
-- the oldest first: those that came after it.
-- Item: owner, or "" for all keys' (by their ids), id or "", count, "1" for the oldest first (of one key only).
--#lib
local PIECE, PIECES = 200, 500

local function is_greater(a, b)
    return a > b
end

-- The first `count` of the ids, the newest first.
local function newest_in(ids, count)
    table.sort(ids, is_greater)
    return {unpack(ids, 1, math.min(#ids, count))}
end

-- The newest of a key's tasks that came before `before`, by their ids. The list has them as they were stored,
-- and that isn't quite the same where there are several front doors, or one whose call was lost: so pieces are
-- read until one has nothing that belongs among those found.
local function newest_of(owner, before, count)
    local ids, last = {}, -1
    for _ = 1, PIECES do
        local piece = call('LRANGE', key('own', owner), last - PIECE + 1, last)
        local is_over = #ids == count
        for _, id in ipairs(piece) do
            if before == '' or id < before then
                is_over = is_over and id < ids[count]
                ids[#ids + 1] = id
            end
        end
        ids = newest_in(ids, count)
        if is_over or #piece < PIECE then break end
        last = last - PIECE
    end
    return ids
end

-- The oldest of a key's tasks that came after `after`.
local function oldest_of(owner, after, count)
    local ids, first = {}, 0
    local at = after ~= '' and call('LPOS', key('own', owner), after, 'RANK', -1)
    if at then return call('LRANGE', key('own', owner), at + 1, at + count) end
    for _ = 1, PIECES do
        local piece = call('LRANGE', key('own', owner), first, first + PIECE - 1)
        for _, id in ipairs(piece) do
            if #ids < count and id > after then ids[#ids + 1] = id end
        end
        if #ids == count or #piece < PIECE then break end
        first = first + PIECE
    end
    return ids
end

local function newest_of_all(before, count)
    local ids = {}
    for _, owner in ipairs(call('SMEMBERS', '{spool}:owners')) do
        for _, id in ipairs(newest_of(owner, before, count)) do ids[#ids + 1] = id end
    end
    return newest_in(ids, count)
end

-- The newest of a key's tasks that came before `before`. One that isn't in the list any more was forgotten:
-- its id still says when it came.
local function newest_before(owner, before, count)
    local own, last, newest_first = key('own', owner), -1, {}
    if before ~= '' then
        local at = call('LPOS', own, before, 'RANK', -1)
        if not at then return newest_of(owner, before, count) end
        if at == 0 then return {} end
        last = at - 1
    end
    local ids = call('LRANGE', own, last < 0 and -count or math.max(last - count + 1, 0), last)
    for k = #ids, 1, -1 do newest_first[#newest_first + 1] = ids[k] end
    return newest_first
end

local answers = {}
for i, item in ipairs(items()) do
    local owner, id, count = item[1], item[2], tonumber(item[3])
    answers[i] = owner == '' and newest_of_all(id, count) or item[4] == '1' and oldest_of(owner, id, count) or
        newest_before(owner, id, count)
end
return answers
