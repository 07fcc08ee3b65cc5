// Text for a terminal.
#include "scheduler/cli/cli_text.h"

#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "core/base/buf.h"

enum { USUAL_WIDTH = 80, USUAL_HEIGHT = 24 };

static bool is_utf8_terminal;

void cli_text_start(void)
{
    is_utf8_terminal =
        setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!is_utf8_terminal)
        setlocale(LC_CTYPE, "C.UTF-8"); // what comes is UTF-8, whatever the terminal is
}

static unsigned from_environment(const char *name)
{
    const char *text = getenv(name);
    char *end;
    unsigned long value = text == NULL ? 0 : strtoul(text, &end, 10);

    return value > 0 && value < 10000 && *end == '\0' ? (unsigned)value : 0;
}

struct cli_screen cli_text_screen(FILE *out)
{
    struct cli_screen screen = {.is_terminal = isatty(fileno(out)) == 1,
                                .is_utf8 = is_utf8_terminal};
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    struct winsize size = {0};

    if (!screen.is_terminal)
        return screen;
    screen.has_colour = (no_colour == NULL || *no_colour == '\0') && term != NULL &&
                        *term != '\0' && strcmp(term, "dumb") != 0;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0)
        size = (struct winsize){0};
    screen.width = size.ws_col > 0 ? size.ws_col : from_environment("COLUMNS");
    screen.height = size.ws_row > 0 ? size.ws_row : from_environment("LINES");
    screen.width = screen.width > 0 ? screen.width : USUAL_WIDTH;
    screen.height = screen.height > 0 ? screen.height : USUAL_HEIGHT;
    return screen;
}

// The character at the front, and how many bytes it takes; 0 bytes: it isn't UTF-8.
static size_t next_character(const char *text, uint32_t *character)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t len = c[0] < 0x80 ? 1 : c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    if (c[0] >= 0x80 && (c[0] < 0xc2 || c[0] > 0xf4))
        return 0;
    *character = len == 1 ? c[0] : c[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
        *character = *character << 6 | (c[i] & 0x3fu);
    }
    if (*character < least[len] || *character > 0x10ffff ||
        (*character >= 0xd800 && *character < 0xe000))
        return 0;
    return len;
}

// Also what turns the direction of writing: a line must read as it was printed.
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
}

static unsigned character_width(uint32_t character)
{
    int width = wcwidth((wchar_t)character);

    return width < 0 ? 1 : (unsigned)width;
}

void cli_text_clean(struct buf *to, const char *text)
{
    while (text != NULL && *text != '\0') {
        uint32_t character = 0;
        size_t len = next_character(text, &character);

        if (len == 0)
            buf_char(to, '?');
        else if (is_control(character))
            buf_char(to, ' ');
        else
            buf_add(to, text, len);
        text += len == 0 ? 1 : len;
    }
}

unsigned cli_text_width(const char *text)
{
    unsigned width = 0;

    while (*text != '\0') {
        uint32_t character = 0;
        size_t len = next_character(text, &character);

        width += len == 0 ? 1 : character_width(character);
        text += len == 0 ? 1 : len;
    }
    return width;
}

void cli_text_cut(struct buf *to, const char *text, unsigned width, bool is_utf8)
{
    const char *mark = is_utf8 ? "\xe2\x80\xa6" : ".";
    unsigned used = 0;

    if (cli_text_width(text) <= width) {
        buf_str(to, text);
        return;
    }
    if (width == 0)
        return;
    for (;;) {
        uint32_t character = 0;
        size_t len = next_character(text, &character);
        unsigned more = len == 0 ? 1 : character_width(character);

        if (used + more > width - 1)
            break;
        buf_add(to, text, len == 0 ? 1 : len);
        used += more;
        text += len == 0 ? 1 : len;
    }
    buf_str(to, mark);
    cli_text_pad(to, used + 1, width); // half of a wide character would be left
}

void cli_text_pad(struct buf *to, unsigned have, unsigned want)
{
    for (; have < want; have++)
        buf_char(to, ' ');
}

void cli_text_bar(struct buf *to, int percent, unsigned width, bool is_utf8)
{
    unsigned part = percent < 0 ? 0 : percent > 100 ? 100 : (unsigned)percent;
    unsigned full = part * width / 100;

    for (unsigned i = 0; i < width; i++)
        if (is_utf8)
            buf_str(to, i < full ? "\xe2\x96\x88" : "\xe2\x96\x91");
        else
            buf_char(to, i < full ? '#' : '-');
}

void cli_text_colour(struct buf *to, const char *text, enum cli_colour colour,
                     const struct cli_screen *screen)
{
    static const char *const codes[] = {
        [CLI_PLAIN] = "",        [CLI_DIM] = "\033[2m",    [CLI_BOLD] = "\033[1m",
        [CLI_RED] = "\033[31m",  [CLI_GREEN] = "\033[32m", [CLI_YELLOW] = "\033[33m",
        [CLI_BLUE] = "\033[34m",
    };

    if (!screen->has_colour || colour == CLI_PLAIN) {
        buf_str(to, text);
        return;
    }
    buf_fmt(to, "%s%s\033[0m", codes[colour], text);
}

enum cli_colour cli_text_word_colour(const char *word)
{
    static const struct {
        const char *word;
        enum cli_colour colour;
    } colours[] = {
        {"succeeded", CLI_GREEN},  {"delivered", CLI_GREEN}, {"ok", CLI_GREEN},
        {"up", CLI_GREEN},         {"failed", CLI_RED},      {"exhausted", CLI_RED},
        {"out", CLI_RED},          {"down", CLI_RED},        {"cancelled", CLI_YELLOW},
        {"disabled", CLI_YELLOW},  {"cooling", CLI_YELLOW},  {"superseded", CLI_DIM},
        {"in_progress", CLI_BLUE},
    };

    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++)
        if (strcmp(colours[i].word, word) == 0)
            return colours[i].colour;
    return CLI_PLAIN;
}
