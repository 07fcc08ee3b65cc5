#!lua flags=allow-oom
-- Which of some jobs of a vendor's, all of which look like a task in doubt, is the task's own: the only one
-- that no other task has. Another task that looks the same, and may have any of them, leaves it open.
-- Item: id, n, what the task looks like, the jobs' ids...
-- Answer: a job's id, or "".
--#lib
local answers = {}

-- How long before a task another may have been sent whose job is still listed beside the task's.
local BESIDE_MS = 600000

-- Whether jobs of the task's may be at the vendor whose ids it doesn't have.
local function has_unknown(id)
    local r = record(id, "sent", "upstream", "doubts", "log")
    if not r then return true end -- its client has forgotten it
    if not r.upstream then return r.doubts or (r.phase == 'submitting' and r.sent) end
    if not r.doubts then return false end
    for line in string.gmatch(r.log or '', '[^\n]+') do
        if line:find('^%S+ retried_unknown ') or line:find('^%S+ resolved ') then return true end
    end
    return false
end

local function choose(item)
    local id, n, alike = item[1], tonumber(item[2]), key('alike', item[3])
    local r, sent = record(id), call('ZSCORE', alike, id)
    local taken, left, found = {}, 0, ''
    if not r or r.phase ~= 'in_doubt' or r.n ~= n or not sent then return '' end
    for _, other in ipairs(call('ZRANGEBYSCORE', alike, tonumber(sent) - BESIDE_MS, '+inf')) do
        if other ~= id then
            if has_unknown(other) then return '' end
            local theirs = call('HGET', key('t', other), "upstream")
            if theirs then taken[theirs] = true end
        end
    end
    for k = 4, #item do
        if not taken[item[k]] then
            taken[item[k]] = true -- listed twice it is still one
            left, found = left + 1, item[k]
        end
    end
    return left == 1 and found or ''
end

for i, item in ipairs(items()) do answers[i] = choose(item) end
return answers
