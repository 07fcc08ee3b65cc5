#!lua flags=allow-oom
-- One step of a task, by whoever has it in hand. The version and the counter that it was read at are the
-- fence.
-- Item: id, v, n, phase to go to, flags, delay ms (-1: the phase's own), at least ms to cool,
--   watch ("": none; ms; or "doubt", ms that the account's jobs take, its slots: as long as the slot of a
--   failed doubt is kept), log word, log detail, first look ms, what it waits for or "", the words for
--   that, result or "", then field, value, ...
-- Flags: N the client's word changes, C cool the account down, W the account did well, O its key is bad,
--   T a try is counted, L a try of the task's links is counted, P progress only (at most once a second).
-- Answer: {"done" | "again" (we have done it before) | "stale" | "missing", v, cancel asked (0/1)}
--#lib
local answers = {}

-- Whether we have made this step before: the reply was lost. A step that came late (below) was read one
-- version before the doubt.
local function is_done(r, v, to, fields)
    if r.by ~= by then return false end
    if r.v == v + 1 then return r.phase == to or TERMINAL[r.phase] end
    if r.v ~= v + 2 or to ~= 'submitted' or r.phase ~= to then return false end
    for k = 1, #fields, 2 do
        if fields[k] == "upstream" then return r.upstream == fields[k + 1] end
    end
    return false
end

local function change(item)
    local id, v, n, to, flags = item[1], tonumber(item[2]), tonumber(item[3]), item[4], item[5]
    local delay_ms, cool_ms, watch = tonumber(item[6]), tonumber(item[7]), item[8]
    local word, detail, look_ms = item[9], item[10], tonumber(item[11])
    local reason, reason_detail, result = item[12], item[13], item[14]
    local function has(flag) return flags:find(flag, 1, true) ~= nil end

    local r = record(id, "by", "owner", "lane", "account", "progress", "sub", "hook", "cancel",
        "cost", "at", "started", "slot", "doubt", "wait", "await", "upstream", "gone", "sent", "cold", "asked",
        "log")
    if not r then return {'missing', 0, 0} end
    local cancel = r.cancel and 1 or 0
    local fields = {unpack(item, 15)}
    if is_done(r, v, to, fields) then
        -- Whoever asks again hasn't heard that it has ended.
        if again == '1' and TERMINAL[r.phase] then note_end(r, r.phase, call('HGET', key('t', id), "code") or '') end
        return {'again', r.v, cancel}
    end
    -- A vendor's id that could not be stored before the lease ended still counts: it is what the doubt was
    -- about.
    local is_late = to == 'submitted' and r.phase == 'in_doubt' and r.v == v + 1
    if not is_late and (r.v ~= v or r.n ~= n) then return {'stale', r.v, cancel} end
    local is_claim = to == 'submitting' -- only claim.lua makes this step
    if TERMINAL[r.phase] or is_claim or not (TERMINAL[to] or NEXT[r.phase][to]) then
        return {'stale', r.v, cancel}
    end
    if has('P') and now - tonumber(r.at or 0) < 1000 then return {'done', r.v, cancel} end

    if has('C') then cool_down(r.account, cool_ms) end
    if has('W') then warm_up(r.account) end
    if has('O') then call('HSET', key('acct', r.account), 'out', detail ~= '' and detail or 'its key is bad') end
    if word ~= '' then add_fact(fields, "log", with_line(r.log, word, detail)) end
    local notify = has('N')
    if to == 'queued' and r.cancel then to, notify = 'cancelled', true end
    -- Nobody wants what came of a forgotten task.
    local is_unwanted = r.gone and (to == 'archiving' or to == 'succeeded')
    if is_unwanted then to, result = 'cancelled', '' end
    if result ~= '' then call('SET', key('r', id), result) end
    if LOOKED_AT[r.phase] and r.started and (to == 'archiving' or to == 'succeeded') then
        note_duration(r.account, now - tonumber(r.started))
        note_span(r, now - tonumber(r.started))
    elseif r.phase == 'submitting' and to == 'archiving' and r.sent then
        note_span(r, now - tonumber(r.sent))
    end
    if TERMINAL[to] then
        local typical, cap = string.match(watch, '^doubt (%d+) (%d+)$')
        local watch_ms = typical and watch_of_doubt(r, tonumber(typical), tonumber(cap)) or tonumber(watch)
        return {is_unwanted and 'missing' or 'done', finish(r, to, fields, notify, watch_ms), cancel}
    end

    local t = key('t', id)
    if reason ~= '' then set_wait(r, reason, reason_detail)
    elseif r.wait then call('HDEL', t, "wait") end
    if to == 'queued' then
        if has('T') or has('L') then
            local tries = call('HINCRBY', t, has('T') and "tries" or "links", 1)
            if delay_ms < 0 then delay_ms = math.min(1000 * 2 ^ math.min(tries - 1, 6), 60000) end
        end
        requeue(r, delay_ms, fields)
    elseif to == 'in_doubt' then
        doubt(r, math.max(delay_ms, 0), fields)
    elseif to == 'archiving' then
        archive(r, math.max(delay_ms, 0), fields)
    else
        follow(r, to, look_ms, fields)
    end
    if r.hook and notify then deliver(id, r.v, to, r.progress, r.sub) end
    return {'done', r.v, cancel}
end

for i, item in ipairs(items()) do answers[i] = change(item) end
store_spans()
return with_ends(answers)
