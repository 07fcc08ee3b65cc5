#!lua flags=no-writes
-- Ids of a key's tasks, the newest first: those that came before one (whose id is left out), or all.
-- Item: owner, id or "", count.
--#lib
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
    answers[i] = newest_first
end
return answers
