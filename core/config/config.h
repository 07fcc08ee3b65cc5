// The configuration: one JSON file, environment variables over it, flags over both.
//
// Immutable once loaded, and the only memory that the roles share.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/address.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/message/media_link.h"

// ROLE_ADMIN: the operators' listener, where there is one.
enum config_role { ROLE_API = 1, ROLE_WORKER = 2, ROLE_WEBHOOK = 4, ROLE_ADMIN = 8 };
enum config_on_failure { ON_FAILURE_FAIL, ON_FAILURE_VENDOR_URL };
enum config_on_unknown { ON_UNKNOWN_FAIL, ON_UNKNOWN_RETRY };
enum config_persistence { PERSISTENCE_REQUIRE, PERSISTENCE_NONE };
enum config_callbacks { CALLBACKS_AUTO, CALLBACKS_ALWAYS, CALLBACKS_NEVER };

struct dialect;
struct provider;

struct config_model {
    char *name;     // as clients call the model
    char *upstream; // as the account's vendor calls it
};

// A key of a vendor's. Of a file in JSON that a key "x_file" names, the texts are keys
// "x_file.<name>".
struct account_key {
    char *name;
    struct secret value;
};

struct account {
    char *name;
    char *provider_name;
    char *dialect_name; // NULL: the provider's first
    // What these names stand for (providers/provider.h: provider_bind), static.
    const struct provider *provider;
    const struct dialect *dialect;
    char *base_url;
    struct account_key *keys; // what its dialect takes beside: each dialect lists them
    size_t key_count;
    struct config_model *models;
    size_t model_count;       // 0: the provider's own models under their own names
    int max_concurrency;      // 0: no limit
    bool is_limit_by_default; // that of max_concurrency, of which the dialect may know better
    int requests_per_minute;  // submits; 0: no limit
    int weight;
    int64_t poll_interval_ms; // 0: the provider's own
    int64_t task_timeout_ms;
    enum config_on_unknown on_unknown_submit;
};

enum { TASK_TIMEOUT_MS = 1800000 }; // of an account that sets none

struct config_token {
    char *name;
    struct secret key;
    bool is_admin; // an operator's: sees everybody's tasks, and may use /admin/v1
};

struct config {
    char *listen_host;
    int listen_port;
    char *admin_host; // where operators are served, in every role; NULL: with the others
    int admin_port;
    char *public_url;         // without a slash at the end
    struct media_links links; // of archived files, derived from public_url and `storage`
    char *data_dir;
    char *redis_url;                           // "": Spool's own
    enum config_persistence redis_persistence; // on disk, of the Redis at redis_url
    struct {
        char *url;
        char *endpoint;
        char *region;
        struct secret access_key;
        struct secret secret_key;
        char *public_base;
        enum config_on_failure on_failure;
    } storage;
    unsigned roles; // bits of enum config_role
    enum log_level log_level;
    bool is_log_json;
    bool has_access_log; // a line for each request
    int64_t retention_ms;
    size_t max_body_bytes;
    unsigned max_connections;
    char **cors_origins; // of pages that may read our answers, as browsers write them, or "*"
    size_t cors_count;
    int64_t queue_limit;         // 0: none
    int64_t queue_limit_per_key; // 0: none
    int64_t queue_timeout_ms;    // how long a task may wait for a vendor; 0: for ever
    int64_t sync_wait_ms;        // how long a route that answers with the result waits for it
    int64_t lease_ms;
    int64_t drain_timeout_ms;
    enum config_callbacks vendor_callbacks;
    struct config_token *tokens;
    size_t token_count;
    struct {
        struct secret *secrets; // the first one's signature comes first; none: one is made once and
                                // kept in Redis
        size_t secret_count;
        int64_t timeout_ms;
        int64_t *retry_delays_ms;
        size_t retry_count;
        bool allow_private_networks;
    } webhook;
    // Where the links may lead that vendors name, and those that clients name (hooks, too). Both
    // share the networks of allow_networks, which are freed with vendors_reach.
    struct reach vendors_reach, clients_reach;
    struct account *accounts;
    size_t account_count;
};

struct config_mistakes;

// The value of an environment variable, NULL where it isn't set.
typedef const char *(*config_env_fn)(const char *name);

struct config_flags {
    const char *listen; // NULL: not given
    const char *admin_listen;
    const char *roles;
};

// Reads the text of a file (NULL: all defaults). The error names the key, as in
// `accounts.0.max_concurrency: must be an integer`, and is the first that is found. config_clear,
// also after a failure.
bool config_parse(struct config *config, const char *text, size_t len, config_env_fn env,
                  const struct config_flags *flags, struct err *err) WARN_UNUSED;
// Reads a file; where `path` is NULL, the one that SPOOL_CONFIG names. All that is wrong is added
// to `mistakes`, which keeps the file's name.
bool config_load(struct config *config, const char *path, const struct config_flags *flags,
                 struct config_mistakes *mistakes) WARN_UNUSED;
void config_clear(struct config *config);
// For a configuration that was read again while the process runs by `running`: keys that can't
// change without a restart keep their values, and are named in the log.
void config_keep_fixed(struct config *config, const struct config *running);
// Sets public_url, and what is derived from it. Only while nobody else has seen the configuration.
void config_set_public_url(struct config *config, const char *url);

// NULL where there is no such account.
const struct account *config_account(const struct config *config, const char *name);
// What Access-Control-Allow-Origin says to a page of this origin: one of cors_origins; NULL: the
// page may read nothing.
const char *config_cors_origin(const struct config *config, const char *origin);
// The value of one of the account's keys; an empty secret where it has none.
const struct secret *account_key(const struct account *account, const char *name);
void account_set_key(struct account *account, const char *name, const char *value);
void account_clear_keys(struct account *account);
// What the account calls a public model, by its own list; NULL where the list doesn't have it.
const char *account_model(const struct account *account, const char *model);
