// What config.c has from config_account.c and config_cors.c.
#pragma once

#include "core/config/config.h"
#include "core/config/setting.h"

// Reads an object into a struct account that is zero.
bool config_read_account(struct setting_reader *reader, const json_t *value, void *out);
void config_clear_account(struct account *account);
// Reads cors_origins into a struct config: a list, or one alone.
bool config_read_cors_origins(struct setting_reader *reader, const json_t *value, void *out);
// Derives the place and the links of files from storage.url, where it names a bucket.
bool config_finish_bucket(struct config *config, struct err *err) WARN_UNUSED;
