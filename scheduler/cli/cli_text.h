// Text for a terminal: how wide it is, cut to a width, cleaned of what would move the cursor.
//
// Widths are those of wcwidth, which needs a locale: cli_text_start.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct buf;

// What is written to.
struct cli_screen {
    bool is_terminal;
    bool has_colour; // a terminal, and neither NO_COLOR nor TERM=dumb
    bool is_utf8;    // else bars and the like are ASCII
    unsigned width;  // 0: no limit, as of a file
    unsigned height; // lines; 0: no limit
};

enum cli_colour { CLI_PLAIN, CLI_DIM, CLI_BOLD, CLI_RED, CLI_GREEN, CLI_YELLOW, CLI_BLUE };

// Once, before anything else.
void cli_text_start(void);
struct cli_screen cli_text_screen(FILE *out);

// Adds the text with a space for each control character (of C0 and C1) and "?" for each byte that
// isn't UTF-8: others wrote it, and a terminal would obey.
void cli_text_clean(struct buf *to, const char *text);
// In columns; of clean text.
unsigned cli_text_width(const char *text);
// Adds clean text, no wider than `width`; what is cut ends with an ellipsis.
void cli_text_cut(struct buf *to, const char *text, unsigned width, bool is_utf8);
// Adds so many columns of spaces as are missing.
void cli_text_pad(struct buf *to, unsigned have, unsigned want);
// Adds a bar of `width` columns, full up to `percent`.
void cli_text_bar(struct buf *to, int percent, unsigned width, bool is_utf8);
// Adds the text in a colour, where there are any.
void cli_text_colour(struct buf *to, const char *text, enum cli_colour colour,
                     const struct cli_screen *screen);
// The colour of a status or another word of that kind.
enum cli_colour cli_text_word_colour(const char *word);
