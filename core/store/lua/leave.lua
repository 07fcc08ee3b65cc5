#!lua flags=allow-oom
-- A client that waited for the end of a task has gone.
-- Item: key, hash of what it asked, task, who held the request. Answer: 1.
--#lib
local answers = {}

for i, item in ipairs(items()) do
    local owner, hash, id, holder = unpack(item)
    local name = key('same', owner .. ':' .. hash)
    if call('HGET', name, id) == holder then call('HSET', name, id, '-') end
    answers[i] = 1
end
return answers
