#!lua flags=allow-oom
-- One step of a task by who has it. The version and the counter it was read at are the fence.
-- Item: id, v, n, phase to go to, flags, delay ms (-1: the phase's own), at least ms to cool,
--   watch ("": none; ms; or "doubt", ms that jobs there take, slots of the account: as long as a failed
--   doubt's slot is kept), log word, log detail, first look ms, what it waits for or "", the words for
--   that, result or "", then field, value, ...
-- Flags: N the client's word changes, C cool the account down, W it did well, O its key is bad,
--   T a try is counted, L one of its links is, P progress only (at most once a second).
-- Answer: {"done" | "again" (it was done by us before) | "stale" | "missing", v, cancel asked (0/1)}
--#lib
local ALLOWED = {
    queued = {}, submitting = {queued = 1, in_doubt = 1, submitted = 1, archiving = 1},
    in_doubt = {in_doubt = 1, queued = 1, submitted = 1},
    submitted = {submitted = 1, rendering = 1, archiving = 1},
    rendering = {rendering = 1, archiving = 1}, archiving = {archiving = 1},
}
local answers = {}

-- By us, before: the reply was lost. What came late (below) was a version behind the doubt.
local function is_done(r, v, to, fields)
    if r.by ~= by then return false end
    if r.v == v + 1 then return r.phase == to or TERMINAL[r.phase] end
    if r.v ~= v + 2 or to ~= 'submitted' or r.phase ~= to then return false end
    for k = 1, #fields, 2 do
        if fields[k] == 'upstream' then return r.upstream == fields[k + 1] end
    end
    return false
end

local function change(item)
    local id, v, n, to, flags = item[1], tonumber(item[2]), tonumber(item[3]), item[4], item[5]
    local delay_ms, cool_ms, watch = tonumber(item[6]), tonumber(item[7]), item[8]
    local word, detail, look_ms = item[9], item[10], tonumber(item[11])
    local reason, reason_detail, result = item[12], item[13], item[14]
    local function has(flag) return flags:find(flag, 1, true) ~= nil end

    local r = record(id, 'by', 'owner', 'lane', 'account', 'progress', 'sub', 'hook', 'cancel',
        'cost', 'at', 'started', 'doubt', 'wait', 'await', 'upstream')
    if not r then return {'missing', 0, 0} end
    local cancel = r.cancel and 1 or 0
    local fields = {unpack(item, 15)}
    if is_done(r, v, to, fields) then return {'again', r.v, cancel} end
    -- A vendor's id that could not be stored before the lease ended: it is what the doubt was about.
    local is_late = to == 'submitted' and r.phase == 'in_doubt' and r.v == v + 1
    if not is_late and (r.v ~= v or r.n ~= n) then return {'stale', r.v, cancel} end
    if TERMINAL[r.phase] or not (TERMINAL[to] or ALLOWED[r.phase][to]) then
        return {'stale', r.v, cancel}
    end
    if has('P') and now - tonumber(r.at or 0) < 1000 then return {'done', r.v, cancel} end

    if has('C') then cool_down(r.account, cool_ms) end
    if has('W') then warm_up(r.account) end
    if has('O') then call('HSET', key('acct', r.account), 'out', 1) end
    if word ~= '' then log(id, word, detail) end
    local notify = has('N')
    if to == 'queued' and r.cancel then to, notify = 'cancelled', true end
    if result ~= '' then call('SET', key('r', id), result) end
    if LOOKED_AT[r.phase] and r.started and (to == 'archiving' or to == 'succeeded') then
        note_duration(r.account, now - tonumber(r.started))
    end
    if TERMINAL[to] then
        local typical, cap = string.match(watch, '^doubt (%d+) (%d+)$')
        local watch_ms = typical and watch_of_doubt(r, tonumber(typical), tonumber(cap)) or tonumber(watch)
        return {'done', finish(r, to, fields, notify, watch_ms), cancel}
    end

    local t = key('t', id)
    v = r.v + 1
    call('HSET', t, 'phase', to, 'v', v, 'by', by, 'at', now, unpack(fields))
    -- An empty value means that the fact is over.
    for k = 1, #fields, 2 do
        if fields[k + 1] == '' then call('HDEL', t, fields[k]) end
        r[fields[k]] = fields[k + 1] ~= '' and fields[k + 1] or nil
    end
    if reason ~= '' then set_wait(r, reason, reason_detail)
    elseif r.wait then call('HDEL', t, 'wait') end
    if to == 'queued' then
        if has('T') or has('L') then
            local tries = call('HINCRBY', t, has('T') and 'tries' or 'links', 1)
            if delay_ms < 0 then delay_ms = math.min(1000 * 2 ^ math.min(tries - 1, 6), 60000) end
        end
        free_slot(r.account, id)
        if r.lane:sub(1, 1) ~= '@' and r.lane:sub(1, 2) ~= '?@' then call('HDEL', t, 'account') end
        call('HDEL', t, 'doubt', 'sent', 'hint')
        count_waiting(r.owner, 1)
        if delay_ms > 0 then
            call('ZADD', 'spool:due', now + delay_ms, id)
        else
            call('ZREM', 'spool:due', id)
            enqueue(r.lane, r.owner, id, true)
            call('PUBLISH', 'spool:wake', r.lane)
        end
    elseif to == 'in_doubt' then
        if r.phase ~= 'in_doubt' then begin_doubt(id) end
        call('ZADD', 'spool:due', now + math.max(delay_ms, 0), id)
    elseif to == 'archiving' then
        if r.phase ~= 'archiving' then
            call('HSET', t, 'arch', now)
            call('HDEL', t, 'missing', 'sub')
            free_slot(r.account, id)
            call('ZREM', key('look', r.account), id)
        end
        call('ZADD', 'spool:due', now + math.max(delay_ms, 0), id)
    elseif LOOKED_AT[to] and not LOOKED_AT[r.phase] then
        call('HSET', t, 'started', now)
        call('HDEL', t, 'doubt', 'sent')
        call('ZREM', 'spool:due', id)
        call('ZADD', key('look', r.account), now + look_ms, id)
    end
    if LOOKED_AT[to] and r.sub and r.upstream then queue_awaiting(id, r.account, r.upstream) end
    event(id, v, to, r.progress, r.sub, r.owner)
    if r.hook and notify then deliver(id, v, to, r.progress, r.sub) end
    return {'done', v, cancel}
end

for i, item in ipairs(items()) do answers[i] = change(item) end
return answers
