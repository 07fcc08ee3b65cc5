#!lua flags=allow-oom
-- A client may have sent a request before: the task that came of it.
-- Item: key, hash of what is asked, who holds the request ("+": nobody will), "1" where the client says that it
--   sends it again. Answer: the task, or "".
--#lib
local answers = {}

for i, item in ipairs(items()) do
    local owner, hash, holder, is_resent = unpack(item)
    answers[i] = join(owner, hash, holder, is_resent == '1') or ''
end
return answers
