#!lua flags=allow-oom
-- Switches an account, for all processes: "disable" lets the jobs that run there finish, "enable" also gives
-- another chance to an account that is out or rests.
-- Item: account, "disable" or "enable". Answer: 1.
--#lib
local answers = {}
for i, item in ipairs(items()) do
    local acct = key('acct', item[1])
    if item[2] == 'disable' then
        call('HSET', acct, 'off', 1)
    else
        call('HDEL', acct, 'off', 'out', 'cool', 'fails')
        tell('wake', item[1])
    end
    answers[i] = 1
end
return answers
