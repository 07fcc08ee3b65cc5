#!lua flags=allow-oom
-- Sends a finished delivery once more, with its old id.
-- Item: id, owner ("" for any), n. Answer: "queued" | "missing" | "pending" (it isn't finished yet)
--#lib
local answers = {}
for i, item in ipairs(items()) do
    local id, owner, n = item[1], item[2], tonumber(item[3])
    local r = record(id, 'owner')
    local d = key('d', id)
    local got = r and (owner == '' or r.owner == owner) and call('HMGET', d, n, n .. 'r', 'head', 'redo')
    if not got or not got[1] then
        answers[i] = 'missing'
    elseif again == '1' and tonumber(got[4] or 0) == n then
        answers[i] = 'queued' -- by us: the reply was lost
    elseif n >= tonumber(got[3] or 1) or got[4] then
        answers[i] = 'pending'
    else
        call('HSET', d, 'redo', n, n .. 'r', 'pending 0 0 0 0 ')
        note_exhausted(id)
        unretire(id)
        call('ZADD', 'spool:hooks', now, id)
        call('PUBLISH', 'spool:ring', id)
        answers[i] = 'queued'
    end
end
return answers
