-- How long jobs take, and when to look at one next.

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
