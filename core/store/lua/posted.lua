#!lua flags=allow-oom
-- What became of a delivery.
-- Item: id, n, lease, outcome (delivered | retry | exhausted | ended | later), delay ms, HTTP status,
--   took ms, 1 where nothing came in that time, error, for how long its body is good, the body or "".
-- Answer: 1, or 0 where the lease is someone else's by now, or over because this was sent before.
--#lib
local SILENCE_MS = 4000 -- an answer that didn't come in time counts as at least so slow
local KNOWN_MS = 7 * 24 * 3600 * 1000

local WORDS = {delivered = 'delivered', retry = 'retrying', exhausted = 'exhausted', ended = 'ended'}
local answers = {}
local takes, lanes = {}, {} -- receiver -> ms; lane -> its key, its receiver and the tasks that may lie in it again

-- How long the receiver takes: the mean of what was known before and of this time.
local function note(receiver, ms)
    local known = takes[receiver] or tonumber(call('GET', key('receiver', receiver)) or nil)
    takes[receiver] = math.floor(known and (known + ms) / 2 or ms)
end

-- The lease may have run out, so that the delivery waits in its lane again.
local function note_lane(owner, receiver, id)
    local name = owner .. ' ' .. receiver
    lanes[name] = lanes[name] or {owner = owner, receiver = receiver, ids = {}}
    table.insert(lanes[name].ids, id)
end

-- What all deliveries of this call mean for their receivers and lanes, once for each.
local function settle()
    for receiver, ms in pairs(takes) do call('SET', key('receiver', receiver), ms, 'PX', KNOWN_MS) end
    for name, lane in pairs(lanes) do
        call('ZREM', key('hooks', name), unpack(lane.ids))
        place_lane(lane.owner, lane.receiver)
    end
end

for i, item in ipairs(items()) do
    local id, n, lease, outcome, delay_ms, status, took_ms, is_silent, err, body_ms, body = unpack(item, 1, 11)
    local d = key('d', id)
    local state = call('HMGET', d, 'lease', 'n', 'head', 'redo', 'url', n .. 'r')
    if state[1] ~= lease then
        answers[i] = 0
    else
        local last, head, got = tonumber(state[2]), tonumber(state[3] or 1), state[6]
        local next_at = now
        n = tonumber(n)
        answers[i] = 1
        local r, receiver = record(id, "owner", "log", "watch", "gone"), receiver_of(state[5] or '')
        if r then note_lane(r.owner, receiver, id) end
        call('HDEL', d, 'lease')
        if outcome == 'later' then
            next_at = now + tonumber(delay_ms)
        else
            local ms = tonumber(took_ms)
            note(receiver, is_silent == '1' and math.max(ms, SILENCE_MS) or ms)
            local tries = (got and tonumber(string.match(got, '^%S+ (%d+)')) or 0) + 1
            local facts = {n .. 'r', table.concat({WORDS[outcome], tries, now, status, took_ms, err}, ' ')}
            local is_through = outcome ~= 'retry' and n == head
            if is_through then
                head = n + 1
                facts[3], facts[4] = 'head', head
            end
            call('HSET', d, unpack(facts))
            if r then add_line(id, r.log, 'webhook', n .. ' ' .. WORDS[outcome] .. ' ' .. status) end
            if outcome ~= 'retry' then
                if tries > 1 then call('DEL', key('body', id)) end
            elseif body ~= '' then
                call('SET', key('body', id), n .. ' ' .. body, 'PX', body_ms)
            end
            if outcome == 'exhausted' or string.match(got or '', '^exhausted ') then note_exhausted(id) end
            if outcome == 'retry' then
                -- A newer change goes out at once: the next claim supersedes this delivery, unless it is an
                -- old one that was asked for again.
                local has_news = head <= last and (n ~= head or n < last)
                if not has_news then next_at = now + tonumber(delay_ms) end
            elseif not is_through then
                state[4] = next_redo(d)
            end
            if outcome == 'ended' then
                call('HSET', d, 'gone', 1, 'head', last + 1)
                call('HDEL', d, 'redo', 'redos')
                for k = head, last do call('HSET', d, k .. 'r', 'ended 0 ' .. now .. ' 0 0 ') end
                head, state[4] = last + 1, nil
            end
        end
        if head <= last or state[4] then
            call('ZADD', '{spool}:hooks', next_at, id)
        else
            call('ZREM', '{spool}:hooks', id)
            if r then retire_delivered(r) end
        end
    end
end
settle()
return answers
