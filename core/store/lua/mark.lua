#!lua flags=allow-oom
-- Notes what a vendor has made for a key, and the task that has it: what follows up on it may name it alone.
-- Item: key, what the vendor calls it, task. Answer: 1.
--#lib
local answers = {}

for i, item in ipairs(items()) do
    local owner, name, id = unpack(item)
    call('SET', key('mark', owner .. ':' .. name), id, 'PX', retention_ms)
    answers[i] = 1
end
return answers
