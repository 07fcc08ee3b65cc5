#!lua flags=no-writes
-- What keeps queued tasks waiting. Item: accounts.
-- Answer: {how many workers have said that they work, lately; {out, cooling until or 0, the rate allows the
--   next from or 0, slots used, disabled}...}
--#lib
local LATELY_MS = 15000
local answer = {call('ZCOUNT', '{spool}:workers', now - LATELY_MS, '+inf')}

for i, account in ipairs(items()[1]) do
    local state = call('HMGET', key('acct', account), 'out', 'cool', 'tat', 'off')
    local used = call('HGET', key('slots', account), '#')
    answer[i + 1] = {state[1] and 1 or 0, math.floor(tonumber(state[2] or 0)),
        math.floor(tonumber(state[3] or 0)), tonumber(used or 0), state[4] and 1 or 0}
end
return answer
