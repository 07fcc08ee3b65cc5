#!lua flags=allow-oom
-- Sends a finished delivery once more, with its old id.
-- Item: id, owner ("" for any), n. Answer: "queued" | "missing" | "pending" (it isn't finished yet)
--#lib
local answers = {}
for i, item in ipairs(items()) do
    local id, owner, n = item[1], item[2], tonumber(item[3])
    local r = record(id, "owner")
    local is_theirs = r and (owner == '' or r.owner == owner)
    answers[i] = is_theirs and redeliver(id, n) or 'missing'
end
return answers
