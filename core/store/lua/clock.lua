#!lua flags=allow-oom
-- What time it is, and what time it should be. Is called without an expectation (lib.lua).
-- Item: "": only asks; "first": by one that has just come and knows nothing; else what time it should be:
--   the correction is made anew, unless somebody else was faster.
-- Answer: {now, by how much it was put right}
--#lib
local word = items()[1][1]
local old, should = now, tonumber(word)

if word == 'first' then
    -- Were we here before, when it was later than it is now? (The stream never goes back.)
    local last = call('XREVRANGE', 'spool:events', '+', '-', 'COUNT', 1)[1]
    local at = last and tonumber(string.match(last[1], '^(%d+)')) or 0
    if at > math.max(now, wall) then should = at end
end
if should and math.abs(now - should) > CLOCK_SLACK_MS then
    call('SET', 'spool:clock', string.format('%d %d', should - wall, wall))
    now = should
end
return {now, now - old}
