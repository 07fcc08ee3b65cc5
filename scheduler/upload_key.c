// What a client's file is called in the storage.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/message/media_type.h"
#include "scheduler/upload.h"

// uploads/2026/03/27/<unguessable>.png
void upload_make_key(struct upload *upload)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    char name[UPLOAD_NAME_HEX + 1];
    struct tm utc;

    gmtime_r(&now, &utc);
    id_random_hex(name, UPLOAD_NAME_HEX);
    snprintf(upload->key, sizeof upload->key, "uploads/%04d/%02d/%02d/%s.%s", utc.tm_year + 1900,
             utc.tm_mon + 1, utc.tm_mday, name, upload->type->extension);
}

void upload_name(const struct upload *upload, char name[UPLOAD_NAME_HEX + 1])
{
    snprintf(name, UPLOAD_NAME_HEX + 1, "%s", upload->key + strlen("uploads/0000/00/00/"));
}
