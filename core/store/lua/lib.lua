-- What scripts share. Each gets the paragraphs that it needs put before it (core/store/lua_library.h): an empty
-- line ends one, so there is none inside a function. A script is one kind of transition over a list of items.
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

-- Queued tasks.

local function count_waiting(owner, by_how_many)
    call('HINCRBY', '{spool}:waiting', '*', by_how_many)
    call('HINCRBY', '{spool}:waiting', owner, by_how_many)
end

-- Keys take turns: a task's virtual time is the later of the lane's clock and the virtual time of its key's
-- last task, plus one. A task that comes back from a refusal goes to the front.
local function enqueue(lane, owner, id, in_front)
    local vt = key('vt', lane)
    local times = call('HMGET', vt, 'clock', 'o:' .. owner)
    local score = tonumber(times[1] or 0)
    if not in_front then
        score = math.max(score, tonumber(times[2] or 0)) + 1
        call('HSET', vt, 'o:' .. owner, score)
    end
    if call('ZADD', key('lane', lane), score, id) == 1 then call('SADD', '{spool}:lanes', lane) end
end

local function forget_if_empty(lane)
    if call('EXISTS', key('lane', lane)) == 0 then
        call('DEL', key('vt', lane))
        call('SREM', '{spool}:lanes', lane)
        return true
    end
    return false
end

local function unqueue(lane, id)
    call('ZREM', key('lane', lane), id)
    call('ZREM', '{spool}:due', id)
    forget_if_empty(lane)
end

-- Slots. The record of a task that holds some says how many, and the account has the sum. A sweep of all
-- records counts them anew, while tasks take them and give them back: what it has counted, and what was taken
-- since it began, has its number behind the cost.

local function slots_of(text)
    local cost, pass = string.match(text or '', '^(%d+) ?(%d*)$')
    return tonumber(cost or 0), pass
end

-- `counted` is the number of the sweep that has counted those slots, or "".
local function add_slots(account, name, cost, counted, pass)
    local slots = key('slots', account)
    local sum = call('HINCRBY', slots, name, cost)
    if name == '?' and sum <= 0 then call('HDEL', slots, name) end
    if pass and pass == counted then call('HINCRBY', slots, name .. pass, cost) end
end

local sweep_read -- by this call: its number, or false

local function sweep_under_way()
    if sweep_read == nil then sweep_read = call('HGET', '{spool}:sweep', 'pass') end
    return sweep_read or nil
end

local function take_slot(account, id, cost)
    if cost <= 0 then return end
    local pass = sweep_under_way()
    if call('HSETNX', key('t', id), "slot", pass and cost .. ' ' .. pass or cost) == 1 then
        add_slots(account, '#', cost, pass, pass)
    end
end

local function free_slot(account, id, is_doubts)
    local held = account and call('HGET', key('t', id), "slot")
    if not held then return end
    local cost, counted = slots_of(held)
    local pass = sweep_under_way()
    call('HDEL', key('t', id), "slot")
    add_slots(account, '#', -cost, counted, pass)
    if is_doubts then add_slots(account, '?', -cost, counted, pass) end
    tell('wake', account)
end

-- Requests that a client sends again.

local SAME_MS, SAME_KEPT = 86400000, 16
local BEAT_MS = 7500 -- a front door that hasn't beaten for so long has gone, and its clients with it

local function has_gone(holder)
    if holder == '-' or holder == '+' then return holder == '-' end
    local beat = call('HGET', '{spool}:processes', holder .. ' api')
    return not beat or tonumber(string.match(beat, '^%d+')) < now - BEAT_MS
end

local function note_same(owner, hash, id, holder)
    local name = key('same', owner .. ':' .. hash)
    call('HSET', name, id, holder)
    call('PEXPIRE', name, SAME_MS)
    if call('HLEN', name) <= SAME_KEPT then return end
    local ids = call('HKEYS', name)
    table.sort(ids)
    call('HDEL', name, ids[1]) -- ids are in the order of time
end

-- The task that an earlier request with the same body made, nil where this one asks for another. One that its
-- client says it sends again gets any that may have cost something, the newest; but rather, as each other gets it,
-- one that still runs and for whose end nobody waits any more.
local function join(owner, hash, holder, is_resent)
    local name, best = key('same', owner .. ':' .. hash), nil
    local noted = call('HGETALL', name)
    for i = 1, #noted, 2 do
        local id = noted[i]
        local r = record(id, "code", "gone")
        local is_left = r and not TERMINAL[r.phase] and has_gone(noted[i + 1])
        local fits = r and not r.gone and (is_left or is_resent and r.code ~= 'vendor_unavailable')
        if fits and (not best or is_left and not best.is_left or is_left == best.is_left and id > best.id) then
            best = {id = id, is_left = is_left}
        end
    end
    if best and holder ~= '+' then call('HSET', name, best.id, holder) end
    return best and best.id
end

-- How long jobs of the account take: the median of the last TOOK_KEPT jobs.
local TOOK_KEPT = 15

local function note_duration(account, ms)
    call('LPUSH', key('took', account), ms)
    call('LTRIM', key('took', account), 0, TOOK_KEPT - 1)
end

local function usual_ms(account, typical_ms)
    local took = call('LRANGE', key('took', account), 0, -1)
    for i, ms in ipairs(took) do took[i] = tonumber(ms) end
    table.sort(took)
    return took[math.ceil(#took / 2)] or typical_ms
end

-- Spans: how long jobs of a kind (provider, action, model, seconds that were asked for) take, from when the vendor
-- had them until it was seen that they have ended. Counted in buckets that grow by an eighth of a doubling; older
-- jobs count less and less.
local PER_DOUBLING, LAST_BUCKET = 8, 104 -- from 1 s to 2 h
local SPAN_KNOWN = 8                     -- jobs until a span says something
local SPAN_FULL, SPAN_MOST = 300, 20000  -- jobs until all may be halved, until they are
local SPAN_LIVES = 4                     -- how often a job's time must have passed since they were
local SPAN_MS, SPANS_KEPT, SPAN_NAME_MAX = 30 * 24 * 3600 * 1000, 2000, 100

-- Of the cold facts provider, action and model.
local function span_facts(cold)
    return string.match(cold, '^%Z*%z?%Z*%z?%Z*')
end

local function span_name(r)
    local kind = string.gsub(span_facts(r.cold or ''), '%z', '/') .. '/' .. (r.asked or '')
    return #kind <= SPAN_NAME_MAX and kind or redis.sha1hex(kind)
end

local function bucket_of(ms)
    local b = math.floor(math.log(math.max(ms, 1000) / 1000) / math.log(2) * PER_DOUBLING)
    return math.min(b, LAST_BUCKET)
end

local function bucket_begin(b)
    return b == 0 and 0 or 1000 * 2 ^ (b / PER_DOUBLING)
end

local spans_read = {} -- by this call: {counts, total, when they were halved, whether jobs were added, median}

-- Bucket -> jobs, all jobs, and since when older ones count as they do.
local function read_span(name)
    if not spans_read[name] then
        local text, counts, total = call('GET', key('span', name)) or '', {}, 0
        for b, count in string.gmatch(text, '(%d+):(%S+)') do
            counts[tonumber(b)] = tonumber(count)
            total = total + tonumber(count)
        end
        spans_read[name] = {counts, total, tonumber(string.match(text, '^@(%d+) ') or text == '' and now or 0)}
    end
    return unpack(spans_read[name], 1, 3)
end

-- How long to wait for the next look where nothing is known: half of the job's age, between the two.
local function usual_wait(age, first, longest)
    return math.min(math.max(age / 2, first), longest)
end

-- Where looks are worth most: Bucket -> looks a ms. As many looks are made of a job as by the usual waits, but they
-- lie as close as the root of the chance that the job ends just then, given that it hasn't: so what is still running
-- is seen to end soonest. nil: the usual waits.
local function plan_looks(counts, total, first, longest)
    if total < SPAN_KNOWN then return nil end
    local ends, chance, plan = {}, {}, {} -- how many of all end in a bucket, smoothed; then what is left
    local left, usual, weight = 0, 0, 0
    for b = 0, LAST_BUCKET do
        ends[b] = ((counts[b - 1] or 0) + 2 * (counts[b] or 0) + (counts[b + 1] or 0)) / 4 + 0.02
    end
    for b = LAST_BUCKET, 0, -1 do
        left = left + ends[b]
        chance[b] = left - ends[b] / 2
    end
    for b = 0, LAST_BUCKET do
        local from, to = bucket_begin(b), bucket_begin(b + 1)
        usual = usual + chance[b] * (to - from) / usual_wait((from + to) / 2, first, longest)
        weight = weight + math.sqrt(ends[b] * chance[b] * (to - from))
    end
    for b = 0, LAST_BUCKET do
        local width = bucket_begin(b + 1) - bucket_begin(b)
        plan[b] = usual / weight * math.sqrt(ends[b] / (chance[b] * width))
    end
    return plan
end

-- How long to wait for the next look: until the plan has one. The last bucket goes on for ever.
local function planned_wait(plan, age, first, bound)
    local b, at, due = bucket_of(age), age, 0
    while at - age < bound do
        local to = b < LAST_BUCKET and bucket_begin(b + 1) or math.huge
        local more = plan[b] * math.max(to - at, 0)
        if due + more >= 1 then
            at = at + (1 - due) / plan[b]
            break
        end
        due, at, b = due + more, math.max(to, at), b + 1
    end
    return math.min(math.max(at - age, first), bound)
end

-- When the part `share` of those jobs that take longer than `age` has ended; nil where nothing is known of that.
local function span_share(counts, total, age, share)
    if total < SPAN_KNOWN then return nil end
    local at, left = bucket_of(age), 0
    local begin, behind = bucket_begin(at), bucket_begin(at + 1)
    local part = math.min(math.max((behind - age) / (behind - begin), 0), 1) -- of the bucket that it is in
    for b = at, LAST_BUCKET do left = left + (counts[b] or 0) * (b == at and part or 1) end
    if left < 0.5 then return nil end
    local wanted = left * share
    for b = at, LAST_BUCKET do
        local count = (counts[b] or 0) * (b == at and part or 1)
        local from = b == at and math.max(age, begin) or bucket_begin(b)
        if count >= wanted then return from + (bucket_begin(b + 1) - from) * wanted / count end
        wanted = wanted - count
    end
end

-- Half of all such jobs take no longer; nil where nothing is known.
local function span_median(name)
    local counts, total = read_span(name)
    local span = spans_read[name]
    span[5] = span[5] or span_share(counts, total, 0, 0.5) -- a few jobs more in this call change little
    return span[5]
end

-- Adds a job. What all of a call have added is stored at its end (store_spans).
local function note_span(r, ms)
    local name, b = span_name(r), bucket_of(ms)
    local counts, total, since = read_span(name)
    counts[b] = (counts[b] or 0) + 1
    spans_read[name] = {counts, total + 1, since, true, spans_read[name][5]}
end

-- Jobs that began together end in the order of how long they take: were older ones halved meanwhile, a burst of
-- jobs would be remembered by its longest. So that waits until all of a burst have had the time.
local function store_span(name, counts, total, since)
    local is_full = total > SPAN_FULL and (total > SPAN_MOST or
        now - since > SPAN_LIVES * (span_share(counts, total, 0, 0.9) or 0))
    local share = is_full and 0.5 or 1
    local words = {'@' .. (is_full and now or since)}
    for i = 0, LAST_BUCKET do
        local count = (counts[i] or 0) * share
        if count >= 0.1 then words[#words + 1] = string.format('%d:%.6g', i, count) end
    end
    call('SET', key('span', name), table.concat(words, ' '), 'PX', SPAN_MS)
    if call('ZADD', '{spool}:spans', now, name) == 1 and call('ZCARD', '{spool}:spans') > SPANS_KEPT then
        call('DEL', key('span', call('ZPOPMIN', '{spool}:spans')[1]))
    end
end

local function store_spans()
    for name, span in pairs(spans_read) do
        if span[4] then store_span(name, span[1], span[2], span[3]) end
    end
end

-- A doubt that has failed: its job may run at the vendor for as long as the account's jobs take. Its slot
-- stays taken until then, unless failed doubts would hold more than half of the account's slots. Returns the
-- time left; nil: the slot is free.
local function watch_of_doubt(r, typical_ms, cap)
    local cost, counted = slots_of(r.slot)
    local doubts = tonumber(call('HGET', key('slots', r.account), '?') or 0)
    local left = usual_ms(r.account, typical_ms) - (now - tonumber(r.doubt or now))
    if cost == 0 or left <= 0 or (cap > 0 and doubts + cost > cap / 2) then return nil end
    add_slots(r.account, '?', cost, counted, sweep_under_way())
    return left
end

-- Deliveries. A change that comes while a delivery is in flight waits for its end; a delivery that waits for
-- its retry makes room at once.
local function deliver(id, v, phase, progress, sub)
    local d = key('d', id)
    local gone, n, lease = unpack(call('HMGET', d, 'gone', 'n', 'lease'))
    if gone then return end
    n = tonumber(n or 0) + 1
    call('HSET', d, 'n', n, n, table.concat({v, phase, progress or 0, sub and 1 or 0, now}, ' '))
    if tonumber(lease or 0) <= now then
        call('ZADD', '{spool}:hooks', now, id)
        tell('ring', id)
    end
end

local function has_deliveries(id)
    return call('ZSCORE', '{spool}:hooks', id) and true or false
end

-- What a task waits for, beside its vendor's work: reason, since when, the words for it.
local function set_wait(r, reason, detail)
    local old, since = string.match(r.wait or '', '^(%S+) (%S+)')
    if old ~= reason then since = now end
    call('HSET', key('t', r.id), "wait", reason .. ' ' .. since .. ' ' .. detail)
end

-- Whether one of the task's deliveries was given up, for operators to find.
local function note_exhausted(id)
    for _, got in ipairs(call('HVALS', key('d', id))) do
        if string.match(got, '^exhausted ') then
            call('ZADD', '{spool}:exhausted', 'NX', now, id)
            return
        end
    end
    call('ZREM', '{spool}:exhausted', id)
end

local QUICK_MS = 1000

local receivers = {} -- of the URLs that this call has seen

local function receiver_of(url)
    if receivers[url] then return receivers[url] end
    local scheme, authority = string.match(string.lower(url), '^(https?)://([^/?#]+)')
    if not authority then return '' end
    authority = string.match(authority, '[^@]*$')
    if not string.find(authority, ':%d+$') then authority = authority .. (scheme == 'https' and ':443' or ':80') end
    receivers[url] = authority
    return authority
end

local function unplace_lane(kind, owner, receiver)
    local lanes = key(kind, owner)
    call('ZREM', lanes, receiver)
    if call('EXISTS', lanes) == 0 then call('ZREM', '{spool}:' .. kind, owner) end
end

-- Puts a lane among the quick or the slow ones, by what is known of its receiver now; removes a lane that is
-- empty.
local function place_lane(owner, receiver)
    local waiting = call('ZCARD', key('hooks', owner .. ' ' .. receiver))
    local takes = call('GET', key('receiver', receiver))
    local is_quick = takes and tonumber(takes) and tonumber(takes) < QUICK_MS
    local kind = is_quick and 'quick' or 'slow'
    unplace_lane(is_quick and 'slow' or 'quick', owner, receiver)
    if waiting == 0 then
        unplace_lane(kind, owner, receiver)
    else
        if takes then
            call('ZADD', key(kind, owner), 'NX', now, receiver)
        else
            call('ZADD', key(kind, owner), -waiting, receiver)
        end
        call('ZADD', '{spool}:' .. kind, 'NX', now, owner)
    end
end

-- Retention starts when the task has ended and its last delivery and its watch are over.
local OF_A_TASK = {'t', 'b', 'r', 'd', 'once'}

-- `r`, with watch and gone, has no delivery to make.
local function retire_delivered(r)
    if not TERMINAL[r.phase] or r.watch then return end
    for _, kind in ipairs(OF_A_TASK) do
        if r.gone then call('DEL', key(kind, r.id)) else call('PEXPIRE', key(kind, r.id), retention_ms) end
    end
end

local function retire(id)
    if has_deliveries(id) then return end
    local r = record(id, "watch", "gone")
    if r then retire_delivered(r) end
end

local function unretire(id)
    for _, kind in ipairs(OF_A_TASK) do call('PERSIST', key(kind, id)) end
end

-- The task's deliveries are forgotten, and none are made any more. One that is in flight finds its lease gone.
local function drop_deliveries(id, owner)
    local url = call('HGET', key('d', id), 'url')
    call('HDEL', key('t', id), "hook", "look")
    call('DEL', key('d', id), key('body', id))
    call('ZREM', '{spool}:hooks', id)
    call('ZREM', '{spool}:exhausted', id)
    if url then
        local receiver = receiver_of(url)
        call('ZREM', key('hooks', owner .. ' ' .. receiver), id)
        place_lane(owner, receiver)
    end
end

-- Sends a finished delivery once more, with its old id; others of the task that were asked for before are
-- sent first. Returns "queued", "missing", or "pending" (it isn't finished yet).
local function redeliver(id, n)
    local d = key('d', id)
    local got = call('HMGET', d, n, n .. 'r', 'head', 'redo', 'redos')
    if not got[1] then return 'missing' end
    local is_asked = tonumber(got[4] or 0) == n or
        string.find(' ' .. (got[5] or '') .. ' ', ' ' .. n .. ' ', 1, true)
    if again == '1' and is_asked then return 'queued' end -- by us: the reply was lost
    if n >= tonumber(got[3] or 1) or is_asked then return 'pending' end
    if got[4] then
        call('HSET', d, 'redos', got[5] and got[5] .. ' ' .. n or n)
    else
        call('HSET', d, 'redo', n)
    end
    call('HSET', d, n .. 'r', 'pending 0 0 0 0 ')
    note_exhausted(id)
    unretire(id)
    call('ZADD', '{spool}:hooks', now, id)
    tell('ring', id)
    return 'queued'
end

-- The delivery that was sent once more has come to its end. Returns the next such one; nil: there is none.
local function next_redo(d)
    local redos = call('HGET', d, 'redos') or ''
    local n, rest = string.match(redos, '^(%d+) ?(.*)$')
    if not n then
        call('HDEL', d, 'redo')
        return nil
    end
    call('HSET', d, 'redo', n)
    if rest == '' then call('HDEL', d, 'redos') else call('HSET', d, 'redos', rest) end
    return n
end

-- The watch of a task that has ended is over: its vendor job has ended, too, or the watch took as long as it
-- may.
local function end_watch(r)
    call('HDEL', key('t', r.id), "watch")
    call('ZREM', '{spool}:due', r.id)
    free_slot(r.account, r.id, r.code == 'submit_outcome_unknown')
    retire(r.id)
end

-- Ends a task, whatever it was doing. `r` needs phase, v, account, lane, owner, hook, progress, await. With
-- `watch_ms` its vendor job may still run: the slot stays taken until the job has ended.
local finish

-- The parent ends without having waited for its client: fails the tasks that waited for that.
local function end_awaiting(parent)
    local ids = call('SMEMBERS', key('await', parent))
    if #ids == 0 then return end
    for _, id in ipairs(ids) do
        local r = record(id, "owner", "lane", "account", "progress", "hook", "await")
        if r and r.phase == 'queued' and r.await then
            log(id, 'failed', 'its parent has ended')
            finish(r, 'failed', {"code", 'invalid_request', "error",
                'taskId: the task has ended without waiting for a confirmation'}, true, nil)
        end
    end
    call('DEL', key('await', parent))
end

-- The parent waits for its client now: the tasks that waited for this are queued for the parent's account.
local function queue_awaiting(parent, account, upstream)
    for _, id in ipairs(call('SMEMBERS', key('await', parent))) do
        local r = record(id, "owner", "await")
        if r and r.phase == 'queued' and r.await then
            local lane = '?@' .. account
            call('HSET', key('t', id), "lane", lane, "account", account, "uparent", upstream)
            call('HDEL', key('t', id), "await")
            enqueue(lane, r.owner, id)
            tell('wake', lane)
        end
    end
    call('DEL', key('await', parent))
end

finish = function(r, phase, fields, notify, watch_ms)
    local t = key('t', r.id)
    local v = r.v + 1
    local progress = phase == 'succeeded' and 100 or r.progress
    local facts = {"ended", event(r.id, v, phase, progress, nil, r.owner), unpack(fields)}
    if progress then add_fact(facts, "progress", progress) end
    if watch_ms then add_fact(facts, "watch", now + watch_ms) end
    call('HSET', t, "phase", phase, "v", v, "by", by, "finished", now, "at", now, unpack(facts))
    call('HDEL', t, "sub", "missing", "doubt", "arch", "wait", "await", "look")
    if r.phase == 'queued' then
        unqueue(r.lane, r.id)
        if r.await then call('SREM', key('await', r.await), r.id) end
        count_waiting(r.owner, -1)
    end
    if r.account then call('ZREM', key('look', r.account), r.id) end
    if watch_ms then
        call('ZADD', '{spool}:due', now + 1000, r.id)
    else
        call('ZREM', '{spool}:due', r.id)
        free_slot(r.account, r.id)
    end
    if r.hook and notify then deliver(r.id, v, phase, progress, nil) end
    end_awaiting(r.id)
    retire(r.id)
    return v
end

-- Transitions between phases: all scripts make them by these functions. `r` is the record, with the fields
-- that the transition reads; afterwards `r` is as the record is then. Whether a change is told (deliver) is
-- left to the caller.

-- Phase -> the phases that may follow; a task may also end in any of them. The same table is in
-- core/task/task.h, beside the picture.
local NEXT = {
    queued = {submitting = 1},
    submitting = {queued = 1, in_doubt = 1, submitted = 1, archiving = 1},
    in_doubt = {queued = 1, in_doubt = 1, submitted = 1},
    submitted = {submitted = 1, rendering = 1, archiving = 1},
    rendering = {rendering = 1, archiving = 1},
    archiving = {archiving = 1},
}

-- Makes the step, and sets the fields of the record that come with it; a field that is "" is deleted.
local function step(r, phase, facts)
    local t = key('t', r.id)
    r.phase, r.v = phase, r.v + 1
    call('HSET', t, "phase", phase, "v", r.v, "by", by, "at", now, unpack(facts))
    for k = 1, #facts, 2 do
        local name, value = facts[k], facts[k + 1]
        if value == '' then call('HDEL', t, name) end
        r[name] = value ~= '' and value or nil
    end
end

local function step_event(r)
    event(r.id, r.v, r.phase, r.progress, r.sub, r.owner)
end

-- The task is claimed: its lease begins, and its slot is taken.
local function submit(r, account, cost, lease_ms)
    step(r, 'submitting', {"n", r.n + 1, "account", account, "log", with_line(r.log, 'claimed', account)})
    call('ZADD', '{spool}:due', now + lease_ms, r.id)
    count_waiting(r.owner, -1)
    take_slot(account, r.id, cost)
    step_event(r)
end

-- The task goes back to the front of its queue, now or after a while. A follow-up keeps its account, and so does
-- what is moved to another one.
local function requeue(r, delay_ms, facts)
    local t, account = key('t', r.id), r.account
    step(r, 'queued', facts)
    call('HDEL', t, "doubt", "sent", "call", "hint")
    free_slot(account, r.id)
    if r.lane:sub(1, 1) ~= '@' and r.lane:sub(1, 2) ~= '?@' then call('HDEL', t, "account") end
    count_waiting(r.owner, 1)
    if delay_ms > 0 then
        call('ZADD', '{spool}:due', now + delay_ms, r.id)
    else
        call('ZREM', '{spool}:due', r.id)
        enqueue(r.lane, r.owner, r.id, true)
        tell('wake', r.lane)
    end
    step_event(r)
end

-- Nothing has left to the vendor, and the client has cancelled the task.
local function cancel_unsent(r)
    log(r.id, 'cancelled', 'before it was submitted')
    finish(r, 'cancelled', {}, true, nil)
end

-- Cancels a task: this alone decides between a cancel and another change that comes at the same time. `owner`
-- "": anybody's. Returns "missing", "ended", "before_submit", "requested" or "not_supported_may_be_billed".
local function cancel(id, owner, vendor_can, watch_ms)
    local r = record(id, "owner", "lane", "account", "progress", "hook", "cancel", "by", "upstream", "await",
        "sent", "started", "call")
    if not r or (owner ~= '' and r.owner ~= owner) then return 'missing' end
    if again == '1' and r.phase == 'cancelled' and r.by == by then -- by us before: the reply was lost
        -- A task that the vendor answers with its result has no vendor's id; but it was sent.
        return (r.upstream or r.sent or r.started) and 'not_supported_may_be_billed' or 'before_submit'
    end
    if TERMINAL[r.phase] then return 'ended' end
    if r.phase == 'queued' then
        cancel_unsent(r)
        return 'before_submit'
    end
    local is_open = r.phase == 'submitting' and r.call and r.sent
    if not is_open and (r.phase == 'submitting' or r.phase == 'in_doubt' or vendor_can == '1') then
        if not r.cancel then log(id, 'cancel_requested', '') end
        call('HSET', key('t', id), "cancel", 1)
        if LOOKED_AT[r.phase] then
            call('ZADD', key('look', r.account), now, id)
            tell('wake', r.account)
        end
        return 'requested'
    end
    log(id, 'cancelled', 'the vendor cannot cancel: it may be billed')
    -- While a task is being archived its vendor job has ended: there is nothing left to watch.
    -- A call is over with its connection, which its worker closes.
    local is_watched = r.phase ~= 'archiving' and not is_open
    finish(r, 'cancelled', {}, true, is_watched and tonumber(watch_ms) or nil)
    tell('wake', is_open and 'task_' .. id or '')
    return 'not_supported_may_be_billed'
end

-- Nobody knows whether the vendor has the task. How often this happened is counted for good: a task that is
-- submitted again may have been accepted before.
local function doubt(r, delay_ms, facts)
    local is_first = r.phase ~= 'in_doubt'
    if is_first then add_fact(facts, "doubt", now) end
    step(r, 'in_doubt', facts)
    if is_first then call('HINCRBY', key('t', r.id), "doubts", 1) end
    call('ZADD', '{spool}:due', now + delay_ms, r.id)
    step_event(r)
end

-- The vendor has the task, or has been seen to go on with it.
local function follow(r, phase, look_ms, facts)
    local is_first = not LOOKED_AT[r.phase]
    if is_first then
        -- What its progress is told by, where its vendor tells none: by one number it never goes back.
        local expected = span_median(span_name(r))
        add_fact(facts, "started", now)
        if expected then add_fact(facts, "expected", math.floor(expected)) end
    end
    step(r, phase, facts)
    if is_first then
        call('HDEL', key('t', r.id), "doubt", "sent")
        call('ZREM', '{spool}:due', r.id)
        call('ZADD', key('look', r.account), now + look_ms, r.id)
    end
    if r.sub and r.upstream then queue_awaiting(r.id, r.account, r.upstream) end
    step_event(r)
end

-- The vendor's job is done: the slot is free, and its files are fetched. A call has had no other start than
-- when it was sent.
local function archive(r, delay_ms, facts)
    local is_first, is_call = r.phase ~= 'archiving', r.phase == 'submitting'
    if is_first then add_fact(facts, "arch", now) end
    if is_call then add_fact(facts, "started", r.sent or now) end
    step(r, 'archiving', facts)
    if is_call then call('HDEL', key('t', r.id), "sent", "call") end
    if is_first then
        call('HDEL', key('t', r.id), "missing", "sub", "look")
        r.sub = nil
        free_slot(r.account, r.id)
        call('ZREM', key('look', r.account), r.id)
    end
    call('ZADD', '{spool}:due', now + delay_ms, r.id)
    step_event(r)
end

-- What a claim gave is kept as long as its lease: where the answer to a claim was lost, the worker claims
-- again with the same number, and gets the same tasks.
local function given_before(kind, serial)
    local words = string.gmatch(call('GET', key('claimed', by .. ':' .. kind)) or '', '%S+')
    if words() ~= serial then return nil end
    local list = {}
    for word in words do list[#list + 1] = word end
    return list
end

local function note_given(kind, serial, words, lease_ms)
    if #words == 0 then return end
    call('SET', key('claimed', by .. ':' .. kind), serial .. ' ' .. table.concat(words, ' '), 'PX', lease_ms)
end

-- Accounts. An account cools for 1 s after a failure, doubling to 60 s with each further one in a row;
-- failures of one moment count once.
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
