#!lua flags=allow-oom
-- Tasks of an account to look at now. Claiming a task only moves its time to the next look. Where it is known
-- how long such jobs take, that is where a look is worth it (plan_looks); else it comes after half of the time that
-- the job has been running, between the first wait and the longest. Plus jitter. So a claim whose answer was lost
-- costs one look.
-- Item: account, first ms, longest ms, slack ms (what is due so soon comes along), max, how many may be
--   claimed in any second (0: no limit).
-- Answer per item: {ms until the next, or -1, tasks...}; a task is its id and the values of FIELDS, those that a
--   look needs, in one text with zero bytes in between (record_read_look).
--
-- A task that is looked at again and again, and nothing changes, has what a look needs in one packed field, written here
-- and good as long as the record has the version that it begins with.
--#lib
--#fields
local at, wanted, answers = {}, {}, {}
for i, name in ipairs(FIELDS) do at[name], wanted[i] = i, name end
add_fact(wanted, "at")

-- A quarter of a second's looks may be claimed at once, the others are spread over it: no second has more.
-- Returns how many may be claimed now, and how long until one more may.
local function allowance(account, per_second)
    if per_second == 0 then return math.huge, 0 end
    local burst = math.max(math.floor(per_second / 4), 1)
    local every_ms = 1000 / math.max(per_second - burst, 1)
    local since = math.max(tonumber(call('HGET', key('acct', account), 'looks') or 0), now - burst * every_ms)
    return math.floor((now - since) / every_ms + 0.001), math.ceil(since + every_ms - now), since, every_ms
end

local BOUND = 4 -- times the longest wait

-- `plans`: of the account, by what is asked for; false: none.
local function wait_of(plans, cold, asked, age, first_ms, longest_ms)
    local facts = span_facts(cold)
    local kind = asked ~= '' and facts .. ' ' .. asked or facts
    if plans[kind] == nil then
        local counts, total = read_span(span_name({["cold"] = facts, ["asked"] = asked}))
        plans[kind] = plan_looks(counts, total, first_ms, longest_ms) or false
    end
    if plans[kind] then return planned_wait(plans[kind], age, first_ms, BOUND * longest_ms) end
    return usual_wait(age, first_ms, longest_ms)
end

-- The packed fields, when it started, what was asked for, 1 where its vendor calls back, the cancel, the cold facts.
-- nil where nobody looks at it any more.
local function read_task(id, first_ms)
    local t = key('t', id)
    local v, packed, called, cancelled, cold = unpack(call('HMGET', t, "v", "look", "called", "cancel", "cold"))
    local of, started, asked = string.match(packed or '', '^(%Z+)%z(%Z*)%z(%Z*)')
    if of and of == v then return packed, started, asked, called, cancelled or '', cold or '' end
    local values = call('HMGET', t, unpack(wanted))
    if not LOOKED_AT[values[at["phase"]]] then return nil end
    for n = 1, #FIELDS do values[n] = values[n] or '' end
    packed, started = table.concat(values, '\0', 1, PACKED), values[at["started"]]
    local age, calm_ms = now - tonumber(started ~= '' and started or now), now - tonumber(values[#wanted] or now)
    if age > 2 * first_ms and calm_ms > age / 2 then call('HSET', t, "look", packed) end
    return packed, started, values[at["asked"]], called, cancelled or '', cold or ''
end

for i, item in ipairs(items()) do
    local account, first_ms, longest_ms, slack_ms, max = item[1], tonumber(item[2]),
        tonumber(item[3]), tonumber(item[4]), tonumber(item[5])
    local look = key('look', account)
    local answer = {-1}
    local moved, plans = {}, {}
    local may, wait_ms, since, every_ms = allowance(account, tonumber(item[6]))
    local due = {}
    max = math.min(max, may)
    if max > 0 then due = call('ZRANGEBYSCORE', look, '-inf', now + slack_ms, 'LIMIT', 0, max) end
    for k, id in ipairs(due) do
        local packed, started, asked, called, cancelled, cold = read_task(id, first_ms)
        if not packed then
            call('ZREM', look, id)
        else
            local age = now - tonumber(started ~= '' and started or now)
            local wait = wait_of(plans, cold, asked, age, first_ms, longest_ms)
            -- The vendor calls back when something happens: looks are only for callbacks that get lost.
            if called then wait = math.max(wait, math.min(4 * longest_ms, 60000)) end
            moved[#moved + 1] = math.floor(now + wait + wait * 0.1 * ((k * 7 + now) % 11) / 10)
            moved[#moved + 1] = id
            answer[#answer + 1] = table.concat({id, packed, called or '', cancelled, cold}, '\0')
        end
    end
    if #moved > 0 then call('ZADD', look, unpack(moved)) end
    local head = call('ZRANGE', look, 0, 0, 'WITHSCORES')
    if head[2] then answer[1] = math.max(tonumber(head[2]) - now, 0) end
    if since and #due > 0 then
        since = since + #due * every_ms
        call('HSET', key('acct', account), 'looks', since)
        wait_ms = math.ceil(since + every_ms - now)
    end
    if answer[1] >= 0 then answer[1] = math.max(answer[1], wait_ms) end
    answers[i] = answer
end
return answers
