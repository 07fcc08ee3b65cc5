-- What scripts share, this first, then queue, spans, deliveries, transitions. Each script gets the paragraphs that it
-- needs put before it (core/store/lua_library.h): an empty line ends one, so there is none inside a function. A script is
-- one kind of transition over a list of items.
--
-- ARGV is: who writes (each process has a word of its own), "retention in ms, queue limit, queue limit
-- per key, 1 when a reply was lost, what time it should be (0: not known)", then per item its number of
-- arguments and the arguments. Each item is checked before it writes and gets its own answer, for Lua
-- doesn't roll back.
--
-- Time. Everything here is by one clock, `now`: Redis' wall clock and a correction. The caller says what time
-- it should be by its own monotonic clock; where the two disagree, a wall clock has been set, and nothing is
-- done until clock.lua has noted by how much. So `now` never steps; it comes back to the wall clock little by
-- little.
--
-- Keys (all begin with "{spool}:"):
--   t:<task>       hash    the record: its fields are listed in core/store/record.h (no v: 1, no n: 0; the
--                          time it was made is in its id)
--                                              b:<task>   string  a request too large for it
--   r:<task>       string  the result, JSON
--   d:<task>       hash    its deliveries      own:<key>  list    a key's tasks, as they came
--   body:<task>    string  the number of a delivery that has failed, and its body for the next attempt
--   owners         set     keys that have such a list
--   lane:<lane>    zset    queued tasks, by virtual time; vt:<lane> hash: clock, o:<key> last time
--   lanes          set     lanes that aren't empty
--   due            zset    tasks that act at a known time (leases, retries, doubt, archive, watches)
--   asked          string  when workers asked last what is due, and since when after they couldn't for a while
--   look:<account> zset    tasks that run at the vendor, by their next look
--   slots:<account> hash   "#" how many its tasks hold, "?" how many of them failed doubts do; the same with the
--                          number of a sweep: as far as that has counted
--   acct:<account> hash    cool: until when, fails: in a row, out: why its key is bad, tat, looks: rates, off: an
--                          operator switched it off, timeout: how long its jobs may run, for when it isn't
--                          configured any more
--   waiting        hash    queued tasks per key, "*" all
--   hooks          zset    tasks with a delivery to make, by its time; far ahead while it waits in a lane:
--   hooks:<key> <receiver> zset    such a lane: tasks whose delivery is due, by since when
--   quick, slow    zset    keys with such lanes, by when one was served last: quick for receivers that
--                          answer soon, slow for those that may hang
--   quick:<key>, slow:<key> zset   their receivers, by when they were served last; a receiver that was
--                          never asked: a number below 0, the lower the more wait for it
--   exhausted      zset    tasks with a delivery that was given up, by when it was given up
--   receiver:<host:port> string    how long it takes to answer, in ms; "asked": nobody knows yet
--   events         stream  e: task, version, phase, progress, modal, key
--   once:<task>    hash    what was already asked of a parent -> the task that does it
--   mark:<key>:<name> string  what a vendor made for the key -> the task that has it
--   alike:<likeness> zset  tasks that look the same at their vendor, by when they were sent
--   claimed:<by>:<kind> string  the number of a process' last claim, and what it gave
--   idem:<key>:<hash> string  Idempotency-Key: body hash, task, waiting before it, when
--   same:<key>:<hash> hash  what a client may send again by itself: task -> the process in which a request waits
--                          for its end; "-": none does any more, "+": none was meant to
--   await:<task>   set     tasks that are queued as soon as <task> waits for its client (sub)
--   took:<account> list    how long its last jobs took, in ms
--   span:<kind>    string  how long jobs of a kind take: "@<when they were halved> bucket:jobs ..."
--   spans          zset    these kinds, by when one of their jobs ended last
--   upload:<id>    string  a place that was promised for a client's file
--   callback_secret, read_secret, webhook_secret string    secrets that all processes share
--   workers        zset    workers, by when each last said that it works
--   processes      hash    process and role -> when it last beat, where it runs, what it has in hand
--   trouble        hash    process and role -> when it last said what its storage fails on, and that
--   sweep          hash    cursor: how far the sweep of all records has come, pass: its number while one is under
--                          way, last: the last one's, run: the Redis that gave the cursor, @<account>: it has
--                          counted some of its slots
--   layout         string  the number of this layout (convert.lua)
--   clock          string  the correction, in ms, and the wall clock's time when it was noted
-- Channels: wake (workers), ring (webhook dispatchers).
local call = redis.call
local by = ARGV[1]
local retention_ms, queue_limit, queue_limit_per_key, again, expected =
    string.match(ARGV[2], '(%d+) (%d+) (%d+) (%d) (%d+)')

local CLOCK_SLACK_MS = 5000
local SLEW = 20 -- a correction shrinks by one SLEW-th of the time that passes
local wall, now

local function read_clock()
    local time = call('TIME')
    wall = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    local noted = call('GET', '{spool}:clock')
    if not noted then return wall end
    local correction, at = string.match(noted, '^(%S+) (%S+)$')
    local size = math.abs(tonumber(correction))
    local left = math.max(size - math.max(wall - tonumber(at), 0) / SLEW, 0)
    return math.floor(wall + (tonumber(correction) < 0 and -left or left))
end

now = read_clock()
if expected ~= '0' and math.abs(now - tonumber(expected)) > CLOCK_SLACK_MS then
    return redis.error_reply('CLOCK the wall clock of Redis has been set')
end

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
    return '{spool}:' .. kind .. ':' .. name
end

-- The named fields of a record as a table; nil where there is no such task.
local function record(id, ...)
    local names = {...}
    local values = call('HMGET', key('t', id), "phase", "v", "n", ...)
    if not values[1] then return nil end
    local r = {id = id}
    r.phase, r.v, r.n = values[1], tonumber(values[2] or 1), tonumber(values[3] or 0)
    for i = 1, #names do
        if values[i + 3] then r[names[i]] = values[i + 3] end -- to set a nil takes a place in the table, too
    end
    return r
end

-- Tells the workers, or the dispatchers, that there is something to do. They are told of a thing once, however many
-- tasks of this call it is said for: nobody acts before the call is over.
local told = {}
local function tell(channel, what)
    local about = channel == 'ring' or what
    if told[about] then return end
    told[about] = true
    call('PUBLISH', '{spool}:' .. channel, what)
end

-- The cold facts, which no script decides on, are one field (record.h); the provider is the first.
local function provider_of(r)
    return string.match(r.cold or '', '^%Z*')
end

-- Another field of the record for a list that is written at once.
local function add_fact(facts, name, value)
    facts[#facts + 1], facts[#facts + 2] = name, value
end

-- {fields packed, request, result}, as record_read takes it; nil where there is no such task. The timeline, which nobody
-- reads with the others and may be the longest of them, makes room for the id.
local function whole(id)
    local fields, has_request, at = call('HGETALL', key('t', id)), false, nil
    if #fields == 0 then return nil end
    for k = 1, #fields, 2 do
        if fields[k] == "request" then has_request = true
        elseif fields[k] == "log" then at = k end
    end
    at = at or #fields + 1
    fields[at], fields[at + 1] = 'id', id
    return {cmsgpack.pack(fields), not has_request and call('GET', key('b', id)), call('GET', key('r', id))}
end

-- The timeline: a line for each step, "when word detail". One that gets long loses its middle.
local LOG_MAX, LOG_HEAD, LOG_TAIL = 3500, 1000, 2000

-- The lines with one more, for whoever writes the record anyway.
local function with_line(lines, word, detail)
    lines = lines or ''
    if #lines > LOG_MAX then
        lines = (lines:sub(1, LOG_HEAD):match('^.*\n') or '') .. (lines:sub(-LOG_TAIL):match('\n(.*)$') or '')
    end
    return lines .. now .. ' ' .. word .. ' ' .. string.gsub(detail or '', '\n', ' ') .. '\n'
end

local function add_line(id, lines, word, detail)
    call('HSET', key('t', id), "log", with_line(lines, word, detail))
end

local function log(id, word, detail)
    local is_there, lines = unpack(call('HMGET', key('t', id), "phase", "log"))
    if is_there then add_line(id, lines, word, detail) end
end

-- Returns the event's cursor.
local function event(id, v, phase, progress, sub, owner)
    return call('XADD', '{spool}:events', 'MAXLEN', '~', EVENTS_KEPT, '*', 'e',
        table.concat({id, v, phase, progress or 0, sub and 1 or 0, owner}, ' '))
end
