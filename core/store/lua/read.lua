#!lua flags=no-writes
-- Tasks as they are.
-- Item: id, owner ("" for any).
-- Answer: {fields, request, result, when it acts or -1, how many wait before it or -1, how long such jobs take or -1,
--   when its job should be done or -1, for how long that has run or -1, the last event's cursor}, nil where there is no such
--   task that the owner may see.
--#lib
local WAITS = {queued = true, archiving = true}
local answers = {}
local cursor

-- How long such jobs take; when the job should be done, and for how long it has run, if it does.
local function foresee(r)
    local began = tonumber(r.started or r.call and r.sent or nil)
    if TERMINAL[r.phase] or r.phase == 'archiving' then return -1, -1, -1 end
    local counts, total = read_span(span_name(r))
    local typical = span_share(counts, total, 0, 0.5)
    local runs = began and r.phase ~= 'queued'
    local done = runs and span_share(counts, total, now - began, 0.5)
    return typical and math.floor(typical) or -1, done and math.floor(began + done) or -1, runs and now - began or -1
end

-- All that is read here is of one moment: what an event tells up to this one is in the records.
local function last_cursor()
    if not cursor then
        local last = call('XREVRANGE', '{spool}:events', '+', '-', 'COUNT', 1)[1]
        cursor = last and last[1] or '0-0'
    end
    return cursor
end

for i, item in ipairs(items()) do
    local id, owner = item[1], item[2]
    local r = record(id, "owner", "lane", "gone", "cold", "asked", "started", "sent", "call")
    if not r or r.gone or (owner ~= '' and r.owner ~= owner) then
        answers[i] = false
    else
        local task = whole(id)
        local at = WAITS[r.phase] and call('ZSCORE', '{spool}:due', id)
        local before = r.phase == 'queued' and r.lane and call('ZRANK', key('lane', r.lane), id)
        task[4] = at and math.floor(tonumber(at)) or -1
        task[5] = before or -1
        task[6], task[7], task[8] = foresee(r)
        task[9] = last_cursor()
        answers[i] = task
    end
end
return answers
