"""Jobs whose times follow those of a field test (83 to 253 s, the median 105), and looks at the times that three
rules give: how many these are, and how long after its end a job is seen to have ended. A clock of its own.
"""
import math
import os
import random

from records import ROOT

REPLAY = """
local counts, total = {}, 0
local mode, first, longest, fixed = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local looks, lags, sum, plan = 0, {}, 0, nil
for i = 7, #ARGV do
    local took, at = tonumber(ARGV[i]), first
    looks = looks + 1
    while at < took do
        local wait = usual_wait(at, first, longest)
        if mode == 'fixed' then wait = fixed
        elseif plan then wait = planned_wait(plan, at, first, 4 * longest) end
        at = at + wait
        looks = looks + 1
    end
    lags[#lags + 1] = at - took
    sum = sum + at - took
    if mode == 'foresight' then -- learns what it sees, as change.lua does
        local b = bucket_of(at)
        counts[b], total = (counts[b] or 0) + 1, total + 1
        if total > SPAN_FULL then
            total = 0
            for k, count in pairs(counts) do counts[k] = count / 2; total = total + count / 2 end
        end
        if i % 10 == 0 then plan = plan_looks(counts, total, first, longest) end
    end
end
table.sort(lags)
return {looks, math.floor(sum / #lags), math.floor(lags[math.ceil(#lags / 2)]), math.floor(lags[math.ceil(#lags * 0.99)])}
"""


def times(count=10000):
    """Log-normal above the least: the median 105 s, one in a hundred beyond 253."""
    chosen = random.Random(4711)
    return [int(1000 * (83 + chosen.lognormvariate(math.log(22), 0.88))) for _ in range(count)]


def replay(wire, took_ms, mode, fixed_ms=0):
    """(looks, lag in ms: mean, median, p99), by the script's own rule."""
    text = ""
    for name in ("base", "spans"):
        with open(os.path.join(ROOT, f"core/store/lua/lib/{name}.lua"), encoding="utf-8") as file:
            text += file.read() + "\n"
    text += REPLAY
    pieces = [took_ms[at : at + 5000] for at in range(0, len(took_ms), 5000)]  # what a call takes of words
    found = [wire.call("EVAL", text, 1, "{spool}", "w1", "3600000 0 0 0 0", mode, 3000, 10000, fixed_ms, *piece) for piece in pieces]
    return (sum(one[0] for one in found), *(sum(lags) / len(pieces) for lags in list(zip(*found))[1:]))


def fixed_interval(wire, took_ms, looks):
    """The fixed interval that makes as many looks."""
    least, most = 1000, 60000
    for _ in range(20):
        middle = (least + most) // 2
        if replay(wire, took_ms, "fixed", middle)[0] > looks:
            least = middle
        else:
            most = middle
    return least
