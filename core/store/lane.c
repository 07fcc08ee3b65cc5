// Lanes' names.
#include "core/store/lane.h"

#include "core/base/text.h"

void lane_name(char *lane, size_t size, const char *provider, const char *model,
               const char *account, bool needs_slot)
{
    const char *end = lane + size;
    char *at = text_add(lane, end, needs_slot ? "" : "?");

    if (account != NULL) {
        text_add(text_add(at, end, "@"), end, account);
        return;
    }
    at = text_add(text_add(at, end, provider), end, "/");
    text_add(at, end, model);
}
