-- Webhook deliveries and how long a task is kept.

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
