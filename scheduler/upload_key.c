// What a client's file is called in the storage.
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/message/media_link.h"
#include "core/message/media_type.h"
#include "scheduler/upload.h"

// uploads/2026/03/27/<unguessable>.png
void upload_make_key(struct upload *upload)
{
    char folder[MEDIA_UPLOAD_FOLDER_SIZE], name[UPLOAD_NAME_HEX + 1];

    media_upload_folder(clock_wall_ms(), folder);
    id_random_hex(name, UPLOAD_NAME_HEX);
    snprintf(upload->key, sizeof upload->key, "%s%s.%s", folder, name, upload->type->extension);
}

void upload_name(const struct upload *upload, char name[UPLOAD_NAME_HEX + 1])
{
    snprintf(name, UPLOAD_NAME_HEX + 1, "%s", upload->key + MEDIA_UPLOAD_FOLDER_SIZE - 1);
}
