#!lua flags=no-writes
-- Ids of a key's tasks, the newest first: those that came before a given task (itself left out), or all.
-- Item: owner, or "" for all keys' (by their ids), id or "", count.
--#lib
local PIECE, PIECES = 200, 500

-- The newest of a key's tasks that came before `before`, whose place in the list isn't known.
local function newest_of(owner, before, count)
    local ids, last = {}, -1
    for _ = 1, PIECES do
        local piece = call('LRANGE', key('own', owner), last - PIECE + 1, last)
        for k = #piece, 1, -1 do
            if #ids < count and (before == '' or piece[k] < before) then ids[#ids + 1] = piece[k] end
        end
        if #ids == count or #piece < PIECE then break end
        last = last - PIECE
    end
    return ids
end

local function newest_of_all(before, count)
    local ids = {}
    for _, owner in ipairs(call('SMEMBERS', 'spool:owners')) do
        for _, id in ipairs(newest_of(owner, before, count)) do ids[#ids + 1] = id end
    end
    table.sort(ids, function(a, b) return a > b end)
    return {unpack(ids, 1, math.min(#ids, count))}
end

local answers = {}
for i, item in ipairs(items()) do
    local own, count = key('own', item[1]), tonumber(item[3])
    local last = -1
    if item[2] ~= '' then
        local at = call('LPOS', own, item[2], 'RANK', -1)
        last = at and at - 1 or nil
    end
    local ids = last and (last ~= -1 or item[2] == '') and
        call('LRANGE', own, last < 0 and -count or math.max(last - count + 1, 0), last) or {}
    local newest_first = {}
    for k = #ids, 1, -1 do newest_first[#newest_first + 1] = ids[k] end
    answers[i] = item[1] == '' and newest_of_all(item[2], count) or newest_first
end
return answers
