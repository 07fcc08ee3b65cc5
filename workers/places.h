// Places for work of one kind, shared by parties: accounts, hosts. A party that hangs may hold as
// many as are still free, and no more, so that there are always some for the next party. Pure.
#pragma once

struct places {
    int max, used;
};

// How many more places a party may take that holds `held` by now. It may hold one `part`-th of what
// stays free: 1 for as much as that, 2 for half. A few may always be taken, even where nothing is
// free.
int places_room(const struct places *places, int held, int part);
