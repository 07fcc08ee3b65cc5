// A table that fits the terminal.
#include "scheduler/cli/cli_table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "scheduler/cli/cli_text.h"

enum { GAP = 2 };

struct cli_table {
    const struct cli_column *columns;
    size_t column_count;
    char **cells; // ours, clean; row after row
    size_t cell_count, cap;
};

// How wide each column is made; 0: it is left out.
struct fit {
    unsigned widths[CLI_COLUMNS_MAX];
};

struct cli_table *cli_table_new(const struct cli_column *columns)
{
    struct cli_table *table = mem_new(struct cli_table);

    table->columns = columns;
    while (columns[table->column_count].title != NULL)
        table->column_count++;
    assert(table->column_count <= CLI_COLUMNS_MAX);
    return table;
}

void cli_table_free(struct cli_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

void cli_table_add(struct cli_table *table, const char *text)
{
    struct buf clean = {0};

    if (table->cell_count == table->cap) {
        table->cap = table->cap == 0 ? 64 : 2 * table->cap;
        table->cells = mem_resize(table->cells, table->cap * sizeof *table->cells);
    }
    cli_text_clean(&clean, text);
    table->cells[table->cell_count++] = buf_take(&clean);
}

void cli_table_fmt(struct cli_table *table, const char *format, ...)
{
    struct buf text = {0};
    va_list args;

    va_start(args, format);
    buf_vfmt(&text, format, args);
    va_end(args);
    cli_table_add(table, buf_text(&text));
    buf_clear(&text);
}

static unsigned total(const struct cli_table *table, const struct fit *fit)
{
    unsigned sum = 0;

    for (size_t i = 0; i < table->column_count; i++)
        if (fit->widths[i] > 0)
            sum += fit->widths[i] + (sum > 0 ? GAP : 0);
    return sum;
}

// The column that can spare most; the count of them where none can.
static size_t most_to_spare(const struct cli_table *table, const struct fit *fit)
{
    size_t best = table->column_count;
    unsigned most = 0;

    for (size_t i = 0; i < table->column_count; i++) {
        unsigned least = table->columns[i].least;

        if (least > 0 && fit->widths[i] > least && fit->widths[i] - least > most) {
            most = fit->widths[i] - least;
            best = i;
        }
    }
    return best;
}

static size_t least_wanted(const struct cli_table *table, const struct fit *fit)
{
    size_t best = table->column_count;
    unsigned rank = 0;

    for (size_t i = 0; i < table->column_count; i++) {
        if (fit->widths[i] > 0 && table->columns[i].rank > rank) {
            rank = table->columns[i].rank;
            best = i;
        }
    }
    return best;
}

static void find_widths(const struct cli_table *table, struct fit *fit)
{
    *fit = (struct fit){{0}};
    for (size_t i = 0; i < table->cell_count; i++) {
        unsigned *width = &fit->widths[i % table->column_count];
        unsigned here = cli_text_width(table->cells[i]);

        *width = here > *width ? here : *width;
    }
    // A column that is empty in every row says nothing.
    for (size_t i = 0; i < table->column_count; i++) {
        unsigned title = cli_text_width(table->columns[i].title);

        if (fit->widths[i] > 0 && fit->widths[i] < title)
            fit->widths[i] = title;
    }
}

// What can be cut is cut a little before anything is left out; then what was cut gets room again.
static void fit_to(const struct cli_table *table, unsigned width, struct fit *fit)
{
    struct fit natural;

    find_widths(table, fit);
    natural = *fit;
    while (width > 0 && total(table, fit) > width) {
        size_t column = most_to_spare(table, fit);

        if (column < table->column_count) {
            fit->widths[column]--;
            continue;
        }
        column = least_wanted(table, fit);
        if (column == table->column_count)
            return; // so narrow is no terminal
        natural.widths[column] = 0;
        *fit = natural;
    }
}

static void write_cell(const struct cli_column *column, const char *text, unsigned width,
                       bool is_last, bool is_title, const struct cli_screen *screen, struct buf *to)
{
    struct buf cut = {0};
    unsigned used;

    if (width < cli_text_width(text))
        cli_text_cut(&cut, text, width, screen->is_utf8);
    else
        buf_str(&cut, text);
    used = cli_text_width(buf_text(&cut));
    if (column->is_right)
        cli_text_pad(to, used, width);
    cli_text_colour(to, buf_text(&cut),
                    is_title              ? CLI_BOLD
                    : column->is_coloured ? cli_text_word_colour(text)
                                          : CLI_PLAIN,
                    screen);
    if (!column->is_right && !is_last)
        cli_text_pad(to, used, width);
    buf_clear(&cut);
}

// `cells` NULL: the titles.
static void write_row(const struct cli_table *table, char *const *cells, const struct fit *fit,
                      const struct cli_screen *screen, struct buf *to)
{
    size_t last = table->column_count;
    bool is_first = true;

    while (last > 0 && (fit->widths[last - 1] == 0 || (cells != NULL && *cells[last - 1] == '\0')))
        last--;
    for (size_t i = 0; i < last; i++) {
        if (fit->widths[i] == 0)
            continue;
        if (!is_first)
            cli_text_pad(to, 0, GAP);
        write_cell(&table->columns[i], cells == NULL ? table->columns[i].title : cells[i],
                   fit->widths[i], i + 1 == last, cells == NULL, screen, to);
        is_first = false;
    }
    buf_char(to, '\n');
}

void cli_table_write(const struct cli_table *table, const struct cli_screen *screen, struct buf *to)
{
    struct fit fit;

    if (table->cell_count < table->column_count)
        return;
    fit_to(table, screen->width, &fit);
    write_row(table, NULL, &fit, screen, to);
    for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count)
        write_row(table, table->cells + i, &fit, screen, to);
}

void cli_table_print(const struct cli_table *table)
{
    struct cli_screen screen = cli_text_screen(stdout);
    struct buf text = {0};

    cli_table_write(table, &screen, &text);
    fwrite(buf_text(&text), 1, text.len, stdout);
    buf_clear(&text);
}
