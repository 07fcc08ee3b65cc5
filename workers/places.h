// Places for work of one kind, shared by parties: accounts, hosts. Whoever hangs may hold as many
// as are still free, and no more, so that there are always some for whoever comes next. Pure.
#pragma once

struct places {
    int max, used;
};

// How many more a party may take that holds `held` by now. One `part` of what is free may be its
// own: 1 for all of it, 2 for half. A few may always be taken, even where nothing is free.
int places_room(const struct places *places, int held, int part);
