// A table that fits the terminal: columns as wide as what is in them, the less important ones cut
// and then left out where there isn't room. To a file it is written whole.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct cli_screen;
struct cli_table;

struct cli_column {
    const char *title;
    unsigned least;   // its cells may be cut down to so many columns; 0: they are never cut
    unsigned rank;    // where there isn't room the highest is left out first; 0: never
    bool is_right;    // numbers
    bool is_coloured; // its words have colours
};

enum { CLI_COLUMNS_MAX = 16 };

// `columns` is borrowed and ends with {0}.
struct cli_table *cli_table_new(const struct cli_column *columns);
void cli_table_free(struct cli_table *table);
// The next cell of a row, and after the last the first of the next row. NULL: empty.
void cli_table_add(struct cli_table *table, const char *text);
void cli_table_fmt(struct cli_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Added to `to`, with a line of titles. Of no rows: nothing.
void cli_table_write(const struct cli_table *table, const struct cli_screen *screen,
                     struct buf *to);
// The same to stdout.
void cli_table_print(const struct cli_table *table);
