#!lua flags=allow-oom
-- Claims deliveries that are due, one per task. A delivery that has failed is superseded where a newer change
-- waits behind it.
--
-- Nobody stands in front of others: a delivery that is due goes to a lane of its key and receiver, keys take
-- turns, and so do the receivers of a key. Receivers that may hang have places of their own. Among receivers
-- that were never asked, the one for which most deliveries wait takes turns with the one that has waited
-- longest: so a good receiver is soon found among any number of dead ones, and none is forgotten.
-- Item: which claim of this process it is (a claim whose answer was lost gives the same again), lease ms,
--   most quick deliveries, most slow ones, the same two for each key, number of keys, {key, most quick, most
--   slow} of the keys that may have another number, {receiver, in flight there} of the receivers that have something in
--   flight.
-- Answer: {{ms until the next is due, or -1; 1 where some wait for nothing but a place},
--   {receiver, 1 for a slow one, n, lease, tries, url, view, body of an earlier attempt or "", fields, request,
--   result}...}: the view, of one that is sent once more, without its time
--#lib
local SORTED_AT_ONCE = 200
local IN_LANE_MS = 3600 * 1000 -- then a delivery is sorted in again, should its lane be lost
local ROOM, ROOM_UNKNOWN, ROOM_SILENT = 16, 8, 4 -- in flight at a receiver
local SILENT_MS = 2500

local item = items()[1]
local serial, lease_ms = item[1], tonumber(item[2])
local left = {quick = tonumber(item[3]), slow = tonumber(item[4])}
local of_key = {quick = tonumber(item[5]), slow = tonumber(item[6])}
local of_keys, in_flight, busy = {}, {}, 0
local answer, given = {{-1, 0}}, {}
local at = 8
for _ = 1, tonumber(item[7]) do
    of_keys[item[at]] = {quick = tonumber(item[at + 1]), slow = tonumber(item[at + 2])}
    at = at + 3
end
while item[at] do
    in_flight[item[at]] = tonumber(item[at + 1])
    busy = busy + 1
    at = at + 2
end

local function sort_due()
    local due = call('ZRANGEBYSCORE', '{spool}:hooks', '-inf', now, 'LIMIT', 0, SORTED_AT_ONCE)
    local lanes, later = {}, {}
    for _, id in ipairs(due) do
        local owner, url = call('HGET', key('t', id), "owner"), call('HGET', key('d', id), 'url')
        if owner and url then
            local receiver = receiver_of(url)
            local name = owner .. ' ' .. receiver
            local lane = lanes[name] or {owner = owner, receiver = receiver, entries = {}}
            lanes[name] = lane
            later[#later + 1], later[#later + 2] = now + IN_LANE_MS, id
            table.insert(lane.entries, now)
            table.insert(lane.entries, id)
        else
            call('ZREM', '{spool}:hooks', id)
            retire(id)
        end
    end
    for name, lane in pairs(lanes) do
        call('ZADD', key('hooks', name), 'NX', unpack(lane.entries))
        place_lane(lane.owner, lane.receiver)
    end
    if #later > 0 then call('ZADD', '{spool}:hooks', unpack(later)) end
    return #due == SORTED_AT_ONCE
end

-- How long what is sent once more took to arrive says nothing.
local function without_time(view)
    return string.match(view, '^(.*) %d+$')
end

-- False where the task is gone.
local function give(id, n, lease, tries, is_slow, url, view)
    local task = whole(id)
    if not task then return false end
    local of, body = string.match(tries > 0 and call('GET', key('body', id)) or '', '^(%d+) (.*)$')
    if tonumber(of) ~= n then body = '' end
    answer[#answer + 1] = {receiver_of(url), is_slow, n, lease, tries, url, view, body, unpack(task)}
    return true
end

-- Claims the task's delivery. False where the task has none to make after all.
local leases = {} -- of what was claimed in this call: when it is over, and the task
local function claim(id, is_slow)
    local d = key('d', id)
    local state = call('HMGET', d, 'n', 'head', 'redo', 'url')
    local last, n = tonumber(state[1] or 0), tonumber(state[2] or 1)
    local redo, url = state[3] and tonumber(state[3]), state[4]
    local lease = now + lease_ms
    local tries, found = 0, nil
    if n <= last then
        found = call('HMGET', d, n, n .. 'r')
        local got = found[2]
        tries = got and tonumber(string.match(got, '^%S+ (%d+)')) or 0
        if tries > 0 and n < last then
            call('HSET', d, n .. 'r', (got:gsub('^%S+', 'superseded', 1)), 'head', n + 1)
            call('DEL', key('body', id))
            n, tries = n + 1, 0
            found = call('HMGET', d, n)
        end
    elseif redo then
        n = redo
        found = call('HMGET', d, n, n .. 'r')
        tries = found[2] and tonumber(string.match(found[2], '^retrying (%d+)')) or 0
        found[1] = found[1] and without_time(found[1])
    end
    if not found or not found[1] or not url or not give(id, n, lease, tries, is_slow, url, found[1]) then
        call('ZREM', '{spool}:hooks', id)
        retire(id)
        return false
    end
    call('HSET', d, 'lease', lease)
    leases[#leases + 1], leases[#leases + 2] = lease, id
    for _, word in ipairs({id, n, lease, tries, is_slow}) do given[#given + 1] = word end
    return true
end

local rooms = {} -- of each receiver that was looked at
local function room_at(receiver)
    if not rooms[receiver] then
        local takes = call('GET', key('receiver', receiver))
        local takes_ms = takes and tonumber(takes)
        rooms[receiver] = not takes_ms and ROOM_UNKNOWN or takes_ms >= SILENT_MS and ROOM_SILENT or ROOM
    end
    return rooms[receiver] - (in_flight[receiver] or 0)
end

-- The receivers of a key that have room, in the order in which they are served. Looks at `busy` receivers
-- more than are wanted, for at most so many have no room.
local function lanes_of(kind, owner, most)
    local known = call('ZRANGEBYSCORE', key(kind, owner), 0, '+inf', 'LIMIT', 0, most + busy)
    local unknown = call('ZRANGEBYSCORE', key(kind, owner), '-inf', '(0', 'LIMIT', 0, most + busy)
    local lanes = {}
    for i = 1, math.max(#known, #unknown) do
        for _, receiver in ipairs({unknown[i] or false, known[i] or false}) do
            if receiver and room_at(receiver) > 0 then lanes[#lanes + 1] = receiver end
        end
    end
    return lanes
end

-- A lane is read in pieces, and what was taken of a piece is removed from it at once.
local pieces = {}

local function put_down(name)
    local piece = pieces[name]
    pieces[name] = nil
    if piece and piece.taken > 0 then call('ZREM', key('hooks', name), unpack(piece.ids, 1, piece.taken)) end
end

-- The first task of a lane, taken out of it; nil where it is empty.
local function take_first(name, room)
    local piece = pieces[name]
    if not piece or piece.taken == #piece.ids then
        put_down(name)
        piece = {ids = call('ZRANGE', key('hooks', name), 0, room - 1), taken = 0}
        pieces[name] = piece
        if #piece.ids == 0 then return nil end
    end
    piece.taken = piece.taken + 1
    return piece.ids[piece.taken]
end

-- Takes one delivery of a lane. False where the lane has no more to give.
local function serve(kind, owner, receiver)
    local room = room_at(receiver)
    local id = room > 0 and take_first(owner .. ' ' .. receiver, room)
    if not id then return false end
    local is_claimed = claim(id, kind == 'slow' and 1 or 0)
    if is_claimed then in_flight[receiver] = (in_flight[receiver] or 0) + 1 end
    return true, is_claimed
end

-- Returns whether some delivery waits for nothing but a place.
local function serve_all(kind)
    local queues, served, is_short = {}, {}, false
    for _, owner in ipairs(call('ZRANGE', '{spool}:' .. kind, 0, -1)) do
        local share = math.min(left[kind], (of_keys[owner] or of_key)[kind])
        local lanes = lanes_of(kind, owner, math.max(share, 1))
        if #lanes > 0 and share > 0 then
            queues[#queues + 1] = {owner = owner, share = share, lanes = lanes, at = 1}
        end
        is_short = is_short or (#lanes > 0 and share <= 0)
    end
    local turn = 1
    while #queues > 0 and left[kind] > 0 do
        if turn > #queues then turn = 1 end
        local queue = queues[turn]
        if queue.at > #queue.lanes then queue.at = 1 end
        local receiver = queue.lanes[queue.at]
        local has_more, is_claimed = serve(kind, queue.owner, receiver)
        if has_more then
            queue.at = queue.at + 1
        else
            table.remove(queue.lanes, queue.at)
        end
        if is_claimed then
            queue.share = queue.share - 1
            left[kind] = left[kind] - 1
        end
        served[queue.owner .. ' ' .. receiver] = {queue.owner, receiver}
        if #queue.lanes == 0 or queue.share == 0 then
            is_short = is_short or #queue.lanes > 0
            table.remove(queues, turn)
        else
            turn = turn + 1
        end
    end
    for name, lane in pairs(served) do
        put_down(name)
        local owner, receiver = lane[1], lane[2]
        call('SET', key('receiver', receiver), 'asked', 'NX', 'PX', lease_ms)
        call('ZADD', key(kind, owner), now, receiver)
        call('ZADD', '{spool}:' .. kind, now, owner)
        place_lane(owner, receiver)
    end
    return is_short or #queues > 0
end

local before = given_before('post', serial)
if before then
    for i = 1, #before, 5 do
        local id, n, lease, tries, is_slow = unpack(before, i, i + 4)
        if call('HGET', key('d', id), 'lease') == lease then
            local url, view, redo = unpack(call('HMGET', key('d', id), 'url', n, 'redo'))
            if view and redo == n then view = without_time(view) end
            give(id, tonumber(n), tonumber(lease), tonumber(tries), tonumber(is_slow), url, view)
        end
    end
    answer[1][1] = 0
    return answer
end

local is_more = sort_due()
local is_quick_short = serve_all('quick')
if serve_all('slow') or is_quick_short then answer[1][2] = 1 end
if #leases > 0 then call('ZADD', '{spool}:hooks', unpack(leases)) end
note_given('post', serial, given, lease_ms)
local head = call('ZRANGE', '{spool}:hooks', 0, 0, 'WITHSCORES')
if is_more then
    answer[1][1] = 0
elseif head[2] then
    answer[1][1] = math.max(tonumber(head[2]) - now, 0)
end
return answer
