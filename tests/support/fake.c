// What a module asked of its fakes.
#include "tests/support/fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "tests/support/check.h"

static struct fake_call *calls, **calls_end = &calls;

static void __attribute__((format(printf, 2, 0)))
add(struct fake_call *call, const char *format, va_list args)
{
    char line[4096];

    vsnprintf(line, sizeof line, format, args);
    call->line = mem_str(line);
    *calls_end = call;
    calls_end = &call->next;
}

void fake_add(struct fake_call *call, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(call, format, args);
    va_end(args);
}

void fake_note(const char *format, ...)
{
    struct fake_call *call = mem_new(struct fake_call);
    va_list args;

    call->is_answered = true;
    va_start(args, format);
    add(call, format, args);
    va_end(args);
}

bool fake_takes(struct fake_call *call)
{
    bool is_wanted = !call->is_answered && !call->is_cancelled;

    call->is_answered = true;
    return is_wanted;
}

void fake_cancel(struct fake_call *call)
{
    call->is_cancelled = true;
}

void fake_cancel_store_s(void)
{
    for (struct fake_call *call = calls; call != NULL; call = call->next)
        call->is_cancelled = call->is_cancelled || call->is_store_s;
}

static struct fake_call *next_line(void)
{
    struct fake_call *call = calls;

    while (call != NULL && call->is_told)
        call = call->next;
    return call;
}

void fake_expect(const char *line)
{
    struct fake_call *call = next_line();

    if (call == NULL) {
        fail_msg("expected \"%s\", nothing came", line);
    } else if (strcmp(call->line, line) != 0) {
        fail_msg("expected \"%s\", but \"%s\" came", line, call->line);
    } else {
        call->is_told = true;
    }
}

void fake_expect_nothing(void)
{
    struct fake_call *call = next_line();

    if (call != NULL)
        fail_msg("expected nothing, but \"%s\" came", call->line);
}

void fake_skip(void)
{
    for (struct fake_call *call = calls; call != NULL; call = call->next)
        call->is_told = true;
}

static bool begins_with(const struct fake_call *call, const char *begins)
{
    return strncmp(call->line, begins, strlen(begins)) == 0;
}

static bool waits(const struct fake_call *call)
{
    return !call->is_answered && !call->is_cancelled;
}

struct fake_call *fake_waiting(const char *begins)
{
    for (struct fake_call *call = calls; call != NULL; call = call->next)
        if (waits(call) && begins_with(call, begins))
            return call;
    fail_msg("nothing waits that begins with \"%s\"", begins);
    return NULL;
}

size_t fake_count_waiting(const char *begins)
{
    size_t count = 0;

    for (struct fake_call *call = calls; call != NULL; call = call->next)
        count += waits(call) && begins_with(call, begins);
    return count;
}

size_t fake_count(const char *begins)
{
    size_t count = 0;

    for (struct fake_call *call = calls; call != NULL; call = call->next)
        count += begins_with(call, begins);
    return count;
}

// A call that is made because of an answer is added behind the others, and answered as well.
void fake_late(void)
{
    struct err err;

    err_set(&err, ERR_UNAVAILABLE, "too late");
    for (struct fake_call *call = calls; call != NULL; call = call->next)
        if (!call->is_answered && call->lose != NULL)
            call->lose(call, &err);
}

void fake_end(void)
{
    struct fake_call *left = NULL;

    for (struct fake_call *call = calls; call != NULL; call = call->next)
        if (waits(call) && call->lose != NULL)
            left = call;
    if (left != NULL)
        print_error("\"%s\" still waits for its answer\n", left->line);
    assert_null(left);
    while (calls != NULL) {
        struct fake_call *call = calls;

        calls = call->next;
        if (call->clear != NULL)
            call->clear(call);
        free(call->line);
        free(call);
    }
    calls_end = &calls;
}
