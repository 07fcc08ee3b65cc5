// Tasks that have ended: the scripts say which, so that each is counted once, whatever has ended
// it, by the process whose call it was.
#pragma once

struct redisReply;

// What the scripts' `ends` are (lua/lib/transitions.lua); NULL: none.
void ends_count(const struct redisReply *ends);
