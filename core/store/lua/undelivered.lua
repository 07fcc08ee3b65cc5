#!lua flags=allow-oom
-- Deliveries of all keys that haven't arrived: for operators to see, or to send once more. Some of the tasks that
-- have such are looked at, the newest first; the rest is for the next call.
-- Item: "list" or "redeliver", the status ("exhausted", "pending" or "retrying"), host or host:port or "", from
--   when on (0: from the beginning), after how many deliveries it is enough, how many tasks to pass over, how
--   many to look at.
-- Answer: {how many to pass over next, or -1: there are no more,
--   {{task, n, receiver, key, the change, what became of it}, ...}, or how many deliveries are sent once more}.
--#lib
local mode, wanted, host, since, most, passed, at_once = unpack(items()[1])
since, most, passed, at_once = tonumber(since), tonumber(most), tonumber(passed), tonumber(at_once)
local set = wanted == 'exhausted' and '{spool}:exhausted' or '{spool}:hooks'
local found, count, looked = {}, 0, 0

local function is_at(receiver)
    return host == '' or receiver == host or string.match(receiver, '^(.*):%d+$') == host
end

local ids = call('ZREVRANGE', set, passed, passed + at_once - 1)
for _, id in ipairs(ids) do
    if count >= most then break end
    local d = key('d', id)
    local url = call('HGET', d, 'url')
    local receiver = url and receiver_of(url)
    for n = 1, receiver and is_at(receiver) and tonumber(call('HGET', d, 'n') or 0) or 0 do
        local view, got = call('HGET', d, n), call('HGET', d, n .. 'r')
        local made = view and tonumber(string.match(view, '(%d+)$'))
        local status = got and string.match(got, '^%S+') or 'pending'
        if view and status == wanted and made >= since then
            if mode == 'list' then
                count = count + 1
                found[count] = {id, n, receiver, call('HGET', key('t', id), "owner") or '', view, got or ''}
            elseif redeliver(id, n) == 'queued' then
                count = count + 1
            end
        end
    end
    looked = looked + 1
    -- What is sent once more may have left the set.
    if mode == 'list' or call('ZSCORE', set, id) then passed = passed + 1 end
end
local is_over = looked == #ids and #ids < at_once
return {is_over and -1 or passed, mode == 'list' and found or count}
