#!lua flags=no-writes
-- Tasks as they are.
-- Item: id, owner ("" for any).
-- Answer: {fields, request, result, when it acts or -1, how many wait before it or -1}, nil where there is
--   no such task that the owner may see.
--#lib
local WAITS = {queued = true, archiving = true}
local answers = {}

for i, item in ipairs(items()) do
    local id, owner = item[1], item[2]
    local r = record(id, "owner", "lane", "gone")
    if not r or r.gone or (owner ~= '' and r.owner ~= owner) then
        answers[i] = false
    else
        local task = whole(id)
        local at = WAITS[r.phase] and call('ZSCORE', '{spool}:due', id)
        local before = r.phase == 'queued' and r.lane and call('ZRANK', key('lane', r.lane), id)
        task[4] = at and math.floor(tonumber(at)) or -1
        task[5] = before or -1
        answers[i] = task
    end
end
return answers
