// Webhooks that are signed with Ed25519, as some vendors' are, by one set of keys for all of them.
//
// Words in a prompt:
//
//   [unsigned] without a signature   [forged] by a key that nobody publishes
//   [stale] signed six minutes ago
#pragma once

struct http_exchange;
struct http_request;

// How a vendor calls the headers: the prefix, and behind it that of the job's id.
struct signer {
    const char *prefix, *id;
};

// Adds the headers to a call that has its body.
void signer_sign(const struct signer *signer, const char *id, const char *prompt,
                 struct http_request *request);
// Answers with the keys.
void signer_show_keys(struct http_exchange *exchange);
// From now on there is another key, and this one alone.
void signer_replace_key(struct http_exchange *exchange);
