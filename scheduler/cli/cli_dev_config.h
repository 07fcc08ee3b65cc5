// The configuration of "spool dev": an account of every provider that can be tried out, at the
// simulator.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;

// Adds it, as JSON. What it names lies in `folder`.
void cli_dev_config(const char *sim_url, const char *folder, struct buf *json);
// The key files that its accounts name in the folder; the simulator gives them at /sim/<name>.
// False past the last.
bool cli_dev_key_file(size_t index, char *name, size_t size);
