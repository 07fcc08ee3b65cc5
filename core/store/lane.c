// Lanes' names.
#include "core/store/lane.h"

#include "core/base/text.h"

void lane_name(char lane[LANE_NAME_SIZE], const char *provider, const char *model,
               const char *account, bool needs_slot)
{
    const char *end = lane + LANE_NAME_SIZE;
    char *at = text_add(lane, end, needs_slot ? "" : "?");

    if (account != NULL) {
        text_add(text_add(at, end, "@"), end, account);
        return;
    }
    at = text_add(text_add(at, end, provider), end, "/");
    text_add(at, end, model);
}
