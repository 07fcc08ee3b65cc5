#!lua flags=allow-oom
-- Switches an account, for all processes: "disable" lets the jobs that run there finish, "enable" also gives
-- another chance to an account that is out or rests, "begin" to one that is out, and notes how long its jobs may run.
-- Item: account, "disable", "enable" or "begin", with "begin" ms. Answer: 1.
--#lib
local answers = {}
for i, item in ipairs(items()) do
    local acct = key('acct', item[1])
    if item[2] == 'disable' then
        call('HSET', acct, 'off', 1)
    elseif item[2] == 'begin' then
        call('HDEL', acct, 'out')
        call('HSET', acct, 'timeout', item[3])
    else
        call('HDEL', acct, 'off', 'out', 'cool', 'fails')
        tell('wake', item[1])
    end
    answers[i] = 1
end
return answers
