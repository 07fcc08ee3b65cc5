// Completion for shells: a script for each, made of the tables of verbs and options.
#pragma once

#include <stdbool.h>

struct buf;

// "bash" or "zsh". False: we know no other.
bool cli_completion_write(const char *shell, struct buf *to);
