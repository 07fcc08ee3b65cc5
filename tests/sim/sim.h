// spool-sim plays the vendors, and receives webhooks, for tests and for trying Spool out.
//
// What goes wrong is asked for by words in a job's prompt: words.h, jobs.h, files.c and the
// vendors' files list them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_vendors.h"

struct buf;
struct callbacks;
struct google;
struct hooks;
struct http_exchange;
struct job;
struct jobs;
struct loop;

struct sim {
    struct loop *loop;
    double speed; // 2: jobs are twice as fast; 0: they are finished at once
    const char *secret;
    char base_url[320]; // of the links in answers
    struct jobs *jobs;  // of most vendors
    void **own;         // of each vendor what it keeps itself, in the order of sim_vendor_at
    struct callbacks *callbacks;
    struct google *google; // accounts and tokens
    struct hooks *hooks;
    struct {
        uint64_t submits, polls_single, polls_batch, lists, downloads, destroyed;
    } stats;
};

// A vendor that is played.
struct sim_vendor {
    const char *name;     // in its files' names
    bool has_sound;       // its videos have
    bool has_early_files; // a part of a job may end before the job
    // Answers the request, or says that the path isn't its own.
    bool (*handle)(struct sim *sim, struct http_exchange *exchange);
    // What it keeps beside jobs.h, and how that ends. NULL: nothing.
    void *(*start)(const struct sim *sim);
    void (*end)(void *own);
    // The same as `handle` for a file that is no job's, by its name. NULL: it has none.
    bool (*serve)(struct sim *sim, struct http_exchange *exchange, const char *name);
};

// The build makes the list, SIM_VENDORS(X).
#define X(vendor) extern const struct sim_vendor sim_##vendor;
SIM_VENDORS(X)
#undef X

const struct sim_vendor *sim_vendor_at(size_t index); // NULL past the end
void *sim_own(const struct sim *sim, const struct sim_vendor *vendor);

// Each answers the request, or says that the path isn't its own.
bool files_handle(struct sim *sim, struct http_exchange *exchange);
bool hooks_handle(struct sim *sim, struct http_exchange *exchange);
bool reports_handle(struct sim *sim, struct http_exchange *exchange);

struct hooks *hooks_new(void);
void hooks_free(struct hooks *hooks);

// A file as the words in a prompt say that it is sent.
struct sim_file {
    const char *name;   // in the path
    const char *prompt; // of its job
    unsigned downloads; // how many downloads the job has had, this one included
    const char *content_type;
    const struct buf *data;
};
void files_send(struct http_exchange *exchange, const struct sim_file *file);
// Sends a job's file, named as in jobs_add_link, at a path that wants the key.
void files_serve(struct sim *sim, struct http_exchange *exchange, struct job *job,
                 const char *name);

// Whether the request has the simulator's secret as a bearer.
bool sim_has_bearer(const struct sim *sim, const struct http_exchange *exchange);

// Makes a UUID, different for each number.
enum { UUID_SIZE = 37 };
void uuid_make(uint64_t number, char uuid[UUID_SIZE]);

// Adds a small PNG, different for each seed.
void png_add(struct buf *buf, uint64_t seed);

// Answers after `delay_ms`, unless the client goes away before. Copies `body`.
void answer_later(struct sim *sim, struct http_exchange *exchange, int64_t delay_ms, int status,
                  const char *content_type, const void *body, size_t len);
// Sends the head, `count` times the filling, and the tail, in pieces. Copies them.
void answer_filled(struct http_exchange *exchange, const char *content_type, const struct buf *head,
                   char filling, size_t count, const struct buf *tail);
