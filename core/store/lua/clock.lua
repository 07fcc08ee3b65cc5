#!lua flags=allow-oom
-- What time it is, and what time it should be. Called without an expected time (lib/base.lua).
-- Item: "": only asks; "first": from a process that has just started and doesn't know what time it should be;
--   else that time: the correction is made anew, unless another process was faster.
-- Answer: {now, by how much the clock was corrected}
--#lib
local word = items()[1][1]
local old, should = now, tonumber(word)

if word == 'first' then
    -- Was there an event at a time that is still to come? (The stream's ids never go back.)
    local last = call('XREVRANGE', '{spool}:events', '+', '-', 'COUNT', 1)[1]
    local at = last and tonumber(string.match(last[1], '^(%d+)')) or 0
    if at > math.max(now, wall) then should = at end
end
if should and math.abs(now - should) > CLOCK_SLACK_MS then
    call('SET', '{spool}:clock', string.format('%d %d', should - wall, wall))
    now = should
end
return {now, now - old}
