#!lua flags=allow-oom
-- Claims deliveries that are due, one per task. What failed once and has news behind it is superseded.
-- Item: max, lease ms. Answer: {{ms until the next, or -1},
--   {n, lease, tries, url, view, fields, request, result}...}
--#lib
local max, lease_ms = tonumber(items()[1][1]), tonumber(items()[1][2])
local answer = {{-1}}

for _, id in ipairs(call('ZRANGEBYSCORE', 'spool:hooks', '-inf', now, 'LIMIT', 0, max)) do
    local d = key('d', id)
    local state = call('HMGET', d, 'n', 'head', 'redo', 'url')
    local last, n = tonumber(state[1] or 0), tonumber(state[2] or 1)
    local redo = state[3] and tonumber(state[3])
    local tries = 0
    if n <= last then
        local got = call('HGET', d, n .. 'r')
        tries = got and tonumber(string.match(got, '^%S+ (%d+)')) or 0
        if tries > 0 and n < last then
            call('HSET', d, n .. 'r', (got:gsub('^%S+', 'superseded', 1)))
            n, tries = n + 1, 0
            call('HSET', d, 'head', n)
        end
    elseif redo then
        n = redo
        local got = call('HGET', d, n .. 'r')
        tries = got and tonumber(string.match(got, '^retrying (%d+)')) or 0
    else
        n = nil
    end
    local view = n and call('HGET', d, n)
    if not view or call('EXISTS', key('t', id)) == 0 then
        call('ZREM', 'spool:hooks', id)
        retire(id)
    else
        call('HSET', d, 'lease', now + lease_ms)
        call('ZADD', 'spool:hooks', now + lease_ms, id)
        answer[#answer + 1] = {n, now + lease_ms, tries, state[4], view, unpack(whole(id))}
    end
end
local head = call('ZRANGE', 'spool:hooks', 0, 0, 'WITHSCORES')
if head[2] then answer[1][1] = math.max(tonumber(head[2]) - now, 0) end
return answer
