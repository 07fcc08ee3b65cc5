-- What every script shares. It is put before each of them; a script is one kind of transition over
-- a list of items.
--
-- ARGV is: who writes (a word of its own for each process), "retention in ms, queue limit, queue limit
-- per key, 1 when a reply was lost", then per item its number of arguments and the arguments. Each item is checked before it writes and
-- gets its own answer, for Lua doesn't roll back.
--
-- Keys (all begin with "spool:"):
--   t:<task>       hash    the record (no v: 1, no n: 0, no family: the provider's name; the time it
--                          was made is in its id)
--                                              b:<task>   string  a request too large for it
--   r:<task>       string  the result, JSON    l:<task>   list    the timeline
--   d:<task>       hash    its deliveries      own:<key>  list    a key's tasks, as they came
--   lane:<lane>    zset    queued tasks, by virtual time; vt:<lane> hash: clock, o:<key> last time
--   lanes          set     lanes that aren't empty
--   due            zset    tasks that act at a known time (leases, retries, doubt, archive, watches)
--   look:<account> zset    tasks that run at the vendor, by their next look
--   slots:<account> hash   task -> cost, "#" their sum
--   acct:<account> hash    cool: until when, fails: in a row, out: its key is bad, tat: rate
--   waiting        hash    queued tasks per key, "*" all
--   hooks          zset    tasks with a delivery to make, by its time
--   events         stream  e: task, version, phase, progress, modal, key
--   once:<task>    hash    what was already asked of a parent -> the task that does it
--   mark:<key>:<name> string  what a vendor made for the key -> the task that has it
--   claimed:<by>   string  which claim it was, and the tasks that it gave
--   idem:<key>:<hash> string  Idempotency-Key: body hash, task, waiting before it
-- Channels: wake (workers), ring (webhook dispatchers).
local call = redis.call
local by = ARGV[1]
local retention_ms, queue_limit, queue_limit_per_key, again =
    string.match(ARGV[2], '(%d+) (%d+) (%d+) (%d)')
local clock = call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local TERMINAL = {succeeded = true, failed = true, cancelled = true}
local LOOKED_AT = {submitted = true, rendering = true}
local EVENTS_KEPT = 100000

local function items()
    local list, i = {}, 3
    while i <= #ARGV do
        local count = tonumber(ARGV[i])
        list[#list + 1] = {unpack(ARGV, i + 1, i + count)}
        i = i + 1 + count
    end
    return list
end

local function key(kind, name)
    return 'spool:' .. kind .. ':' .. name
end

-- The named fields of a record as a table; nil where there is no such task.
local function record(id, ...)
    local names = {'phase', 'v', 'n', ...}
    local values = call('HMGET', key('t', id), unpack(names))
    if not values[1] then return nil end
    local r = {id = id}
    for i, name in ipairs(names) do r[name] = values[i] or nil end
    r.v, r.n = tonumber(r.v or 1), tonumber(r.n or 0)
    return r
end

local function whole(id)
    local fields = call('HGETALL', key('t', id))
    fields[#fields + 1] = 'id'
    fields[#fields + 1] = id
    return {fields, call('GET', key('b', id)), call('GET', key('r', id))}
end

local function log(id, word, detail)
    call('RPUSH', key('l', id), now .. ' ' .. word .. ' ' .. (detail or ''))
end

local function event(id, v, phase, progress, sub, owner)
    call('XADD', 'spool:events', 'MAXLEN', '~', EVENTS_KEPT, '*', 'e',
        table.concat({id, v, phase, progress or 0, sub and 1 or 0, owner}, ' '))
end

-- Queued tasks.

local function count_waiting(owner, by_how_many)
    call('HINCRBY', 'spool:waiting', '*', by_how_many)
    call('HINCRBY', 'spool:waiting', owner, by_how_many)
end

-- Keys take turns: a task's virtual time is the later of the lane's clock and its key's last, plus
-- one. A task that comes back from a refusal goes to the front.
local function enqueue(lane, owner, id, in_front)
    local vt = key('vt', lane)
    local times = call('HMGET', vt, 'clock', 'o:' .. owner)
    local score = tonumber(times[1] or 0)
    if not in_front then
        score = math.max(score, tonumber(times[2] or 0)) + 1
        call('HSET', vt, 'o:' .. owner, score)
    end
    if call('ZADD', key('lane', lane), score, id) == 1 then call('SADD', 'spool:lanes', lane) end
end

local function forget_if_empty(lane)
    if call('EXISTS', key('lane', lane)) == 0 then
        call('DEL', key('vt', lane))
        call('SREM', 'spool:lanes', lane)
        return true
    end
    return false
end

local function unqueue(lane, id)
    call('ZREM', key('lane', lane), id)
    call('ZREM', 'spool:due', id)
    forget_if_empty(lane)
end

-- Slots.

local function take_slot(account, id, cost)
    if cost > 0 and call('HSETNX', key('slots', account), id, cost) == 1 then
        call('HINCRBY', key('slots', account), '#', cost)
    end
end

local function free_slot(account, id)
    if not account then return end
    local slots = key('slots', account)
    local cost = call('HGET', slots, id)
    if cost then
        call('HDEL', slots, id)
        call('HINCRBY', slots, '#', -tonumber(cost))
        call('PUBLISH', 'spool:wake', account)
    end
end

-- Deliveries. A change that arrives while one is in flight waits for it; one that waits for its
-- retry makes room at once.
local function deliver(id, v, phase, progress, sub)
    local d = key('d', id)
    if call('HEXISTS', d, 'gone') == 1 then return end
    local n = call('HINCRBY', d, 'n', 1)
    call('HSET', d, n, table.concat({v, phase, progress or 0, sub and 1 or 0, now}, ' '))
    if tonumber(call('HGET', d, 'lease') or 0) <= now then
        call('ZADD', 'spool:hooks', now, id)
        call('PUBLISH', 'spool:ring', id)
    end
end

local function has_deliveries(id)
    return call('ZSCORE', 'spool:hooks', id) and true or false
end

-- Retention starts after the end, the last delivery and the watch.
local function retire(id)
    local r = record(id, 'watch')
    if not r or not TERMINAL[r.phase] or r.watch or has_deliveries(id) then return end
    for _, kind in ipairs({'t', 'b', 'r', 'l', 'd', 'once'}) do
        call('PEXPIRE', key(kind, id), retention_ms)
    end
end

-- The count stays when the doubt is over: what was submitted again may have been accepted before.
local function begin_doubt(id)
    call('HSET', key('t', id), 'doubt', now)
    call('HINCRBY', key('t', id), 'doubts', 1)
end

-- Ends a task, whatever it was doing. `r` needs phase, v, account, lane, owner, hook, progress.
-- With `watch_ms` its vendor job may still run: the slot stays taken until it has ended there.
local function finish(r, phase, fields, notify, watch_ms)
    local t = key('t', r.id)
    local v = r.v + 1
    local progress = phase == 'succeeded' and 100 or r.progress
    call('HSET', t, 'phase', phase, 'v', v, 'by', by, 'finished', now, 'at', now, unpack(fields))
    if progress then call('HSET', t, 'progress', progress) end
    call('HDEL', t, 'sub', 'missing', 'doubt', 'arch')
    if r.phase == 'queued' then
        unqueue(r.lane, r.id)
        count_waiting(r.owner, -1)
    end
    if r.account then call('ZREM', key('look', r.account), r.id) end
    if watch_ms then
        call('HSET', t, 'watch', now + watch_ms)
        call('ZADD', 'spool:due', now + 1000, r.id)
    else
        call('ZREM', 'spool:due', r.id)
        free_slot(r.account, r.id)
    end
    event(r.id, v, phase, progress, nil, r.owner)
    if r.hook and notify then deliver(r.id, v, phase, progress, nil) end
    retire(r.id)
    return v
end

-- Accounts. Failures in a row cool for 1 s, doubling to 60 s; those of one moment count once.
local function cool_down(account, at_least_ms)
    local acct = key('acct', account)
    if tonumber(call('HGET', acct, 'cool') or 0) > now then return end
    local fails = call('HINCRBY', acct, 'fails', 1)
    local ms = math.min(1000 * 2 ^ math.min(fails - 1, 6), 60000)
    call('HSET', acct, 'cool', now + math.max(ms, at_least_ms or 0))
end

local function warm_up(account)
    call('HDEL', key('acct', account), 'fails', 'cool')
end
