// What a file of ours says about itself where it is kept: to browsers, to caches, and to whoever
// finds it in a bucket. All of it but the SHA-256 follows from the key.
#pragma once

struct http_request;

// How the file is called when somebody saves it: the last part of its key.
const char *storage_label_name(const char *key);
// "inline; filename=…", and how long caches may keep it: its content never changes.
#define STORAGE_LABEL_CACHE "public, max-age=31536000, immutable"
void storage_label_disposition(const char *key, char *text, int size);
// Adds the headers of an object of S3: name, caching, the task that made it, its SHA-256 (NULL: not
// known yet). Stored inputs, which nobody but us reads, have none of these.
void storage_label_add(const char *key, const char *sha256, struct http_request *request);
