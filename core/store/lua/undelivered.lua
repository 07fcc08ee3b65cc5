#!lua flags=allow-oom
-- Deliveries of all keys that haven't arrived: for operators to see, or to send once more.
-- Item: "list" or "redeliver", the status ("exhausted", "pending" or "retrying"), host or host:port or "", from
--   when on (0: from the beginning), how many at most.
-- Answer: {{task, n, receiver, key, the change, what became of it}, ...}, or how many deliveries are sent
-- once more.
--#lib
local LOOKED_AT_MAX = 5000
local mode, wanted, host, since, most = unpack(items()[1])
since, most = tonumber(since), tonumber(most)
local set = wanted == 'exhausted' and '{spool}:exhausted' or '{spool}:hooks'
local found, count = {}, 0

local function is_at(receiver)
    return host == '' or receiver == host or string.match(receiver, '^(.*):%d+$') == host
end

for _, id in ipairs(call('ZREVRANGE', set, 0, LOOKED_AT_MAX - 1)) do
    local d = key('d', id)
    local url = call('HGET', d, 'url')
    local receiver = url and receiver_of(url)
    for n = 1, receiver and is_at(receiver) and tonumber(call('HGET', d, 'n') or 0) or 0 do
        local view, got = call('HGET', d, n), call('HGET', d, n .. 'r')
        local made = view and tonumber(string.match(view, '(%d+)$'))
        local status = got and string.match(got, '^%S+') or 'pending'
        if view and status == wanted and made >= since and count < most then
            if mode == 'list' then
                count = count + 1
                found[count] = {id, n, receiver, call('HGET', key('t', id), "owner") or '', view, got or ''}
            elseif redeliver(id, n) == 'queued' then
                count = count + 1
            end
        end
    end
end
return mode == 'list' and found or count
