#!lua
-- New tasks. Not allowed when Redis is full: what runs must still be able to finish.
-- Item: id, owner, lane, created, limit, limit per key, idem key or "", body hash, once parent or "",
--   once word, hook or "", is listed ("1"), request, then field, value, ...
-- Answer: {"accepted", waiting before it} | {"replayed", id, waiting} | {"mismatch"} |
--   {"repeated", id} | {"full"} | {"full_for_key"}
--#lib
local answers = {}
local woken = {}

for i, item in ipairs(items()) do
    local id, owner, lane, created, limit, key_limit, idem, body_hash, parent, word, hook, listed,
        request = unpack(item, 1, 13)
    local idem_key = idem ~= '' and key('idem', owner .. ':' .. idem) or nil
    local known = idem_key and call('GET', idem_key)
    local t = key('t', id)

    if known then
        local hash, first, waiting = string.match(known, '^(%S+) (%S+) (%S+)$')
        if hash ~= body_hash then answers[i] = {'mismatch'}
        elseif first == id then answers[i] = {'accepted', tonumber(waiting)}
        else answers[i] = {'replayed', first, tonumber(waiting)} end
    elseif call('EXISTS', t) == 1 then
        answers[i] = {'accepted', 0} -- sent again after a lost reply: already done
    else
        local first = parent ~= '' and call('HGET', key('once', parent), word)
        local first_phase = first and call('HGET', key('t', first), 'phase')
        local counts = call('HMGET', 'spool:waiting', '*', owner)
        if first_phase and first_phase ~= 'failed' and first_phase ~= 'cancelled' then
            answers[i] = {'repeated', first}
        elseif tonumber(limit) > 0 and tonumber(counts[1] or 0) >= tonumber(limit) then
            answers[i] = {'full'}
        elseif tonumber(key_limit) > 0 and tonumber(counts[2] or 0) >= tonumber(key_limit) then
            answers[i] = {'full_for_key'}
        else
            local waiting = call('ZCARD', key('lane', lane))
            call('HSET', t, 'phase', 'queued', 'v', 1, 'n', 0, 'owner', owner, 'lane', lane,
                'created', created, unpack(item, 14))
            call('SET', key('b', id), request)
            if hook ~= '' then
                call('HSET', t, 'hook', 1)
                call('HSET', key('d', id), 'url', hook)
            end
            if listed == '1' then
                call('ZADD', key('own', owner), 0, id)
                event(id, 1, 'queued', 0, nil, owner)
            end
            if parent ~= '' then
                call('HSET', key('once', parent), word, id)
                -- The parent has ended, as a rule: what is noted of it goes when it goes.
                local left_ms = call('PTTL', key('t', parent))
                if left_ms > 0 then call('PEXPIRE', key('once', parent), left_ms) end
            end
            if idem_key then
                call('SET', idem_key, body_hash .. ' ' .. id .. ' ' .. waiting, 'PX', 86400000)
            end
            enqueue(lane, owner, id)
            count_waiting(owner, 1)
            woken[lane] = true
            answers[i] = {'accepted', waiting}
        end
    end
end
for lane in pairs(woken) do call('PUBLISH', 'spool:wake', lane) end
return answers
