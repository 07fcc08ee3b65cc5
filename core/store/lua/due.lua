#!lua flags=allow-oom
-- What is due: retries go back to their lane, an expired submit becomes a doubt, doubts, archives
-- and watches are claimed. Each claim is a lease and raises the counter.
-- Item: max, lease in ms, how many archives at most. Answer: {{ms until the next, or -1},
--   {kind, fields, request, result}...}
--#lib
local item = items()[1]
local max, lease_ms, archives = tonumber(item[1]), tonumber(item[2]), tonumber(item[3])
local answer = {{-1}}

local function claim(kind, id, n)
    call('HSET', key('t', id), 'n', n + 1)
    call('ZADD', 'spool:due', now + lease_ms, id)
    answer[#answer + 1] = {kind, unpack(whole(id))}
end

for _, id in ipairs(call('ZRANGEBYSCORE', 'spool:due', '-inf', now, 'LIMIT', 0, max)) do
    local r = record(id, 'lane', 'owner', 'account', 'progress', 'ask', 'watch', 'hook', 'in', 'sent')
    if not r then
        call('ZREM', 'spool:due', id)
    elseif r.phase == 'queued' then
        call('ZREM', 'spool:due', id)
        enqueue(r.lane, r.owner, id, true)
        call('PUBLISH', 'spool:wake', r.lane)
    elseif r.phase == 'submitting' and (r.ask or r['in'] and not r.sent) then
        -- A question costs nothing, and a submit whose inputs were still being fetched hasn't left.
        call('HSET', key('t', id), 'phase', 'queued', 'v', r.v + 1, 'n', r.n + 1, 'by', by, 'at', now)
        call('ZREM', 'spool:due', id)
        free_slot(r.account, id)
        count_waiting(r.owner, 1)
        enqueue(r.lane, r.owner, id, true)
        call('PUBLISH', 'spool:wake', r.lane)
    elseif r.phase == 'submitting' then
        -- Whoever claimed it is gone, or was stopped: the request may have left.
        call('HSET', key('t', id), 'phase', 'in_doubt', 'v', r.v + 1, 'by', by, 'at', now)
        begin_doubt(id)
        event(id, r.v + 1, 'in_doubt', r.progress, nil, r.owner)
        log(id, 'in_doubt', 'the submit was not finished in time')
        claim('doubt', id, r.n)
    elseif r.phase == 'in_doubt' then
        claim('doubt', id, r.n)
    elseif r.phase == 'archiving' and archives == 0 then
        -- Later, so that it holds up nothing else; the more there are, the less often they are asked.
        local waits_ms = math.min(math.max(call('ZCARD', 'spool:due'), 100), 5000)
        call('ZADD', 'spool:due', now + waits_ms, id)
    elseif r.phase == 'archiving' then
        archives = archives - 1
        claim('archive', id, r.n)
    elseif r.watch then
        if tonumber(r.watch) <= now then
            call('HDEL', key('t', id), 'watch')
            call('ZREM', 'spool:due', id)
            free_slot(r.account, id)
            retire(id)
        else
            claim('watch', id, r.n)
        end
    elseif LOOKED_AT[r.phase] then
        call('ZREM', 'spool:due', id)
        call('ZADD', key('look', r.account), now, id)
    else
        call('ZREM', 'spool:due', id)
    end
end
local head = call('ZRANGE', 'spool:due', 0, 0, 'WITHSCORES')
if head[2] then answer[1][1] = math.max(tonumber(head[2]) - now, 0) end
return answer
