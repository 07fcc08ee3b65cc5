// The parts of the simulated fal: fal.c takes jobs and answers queries, fal_rules.c knows what its
// models want, fal_images.c those for images and their answers, fal_webhook.c tells of a job's end,
// signed.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct http_exchange;
struct job;
struct rule_error;
struct sim;

// What a model answers.
enum fal_shape {
    FAL_VIDEO,
    FAL_NANO,   // images, of which it knows no sizes
    FAL_FLUX,   // images, with sizes, a seed, and whether they are blocked
    FAL_SINGLE, // an image
};

struct fal_model {
    const char *name; // its endpoint
    const char *app;  // the beginning of it, where its requests are asked for
    const struct rule *input;
    enum fal_shape shape; // the same for all of an app
};

// A rule_text_fn (rules.h).
const char *fal_check_image(const char *text);
// Those that make images; NULL past the end.
const struct fal_model *fal_image_model(size_t index);
// What the rules of an image model don't say.
bool fal_image_check(const json_t *body, struct rule_error *error);
// Adds what an image model has made.
void fal_image_add(const struct sim *sim, const struct job *job, enum fal_shape shape,
                   struct buf *json);

// NULL: there is no such endpoint.
const struct fal_model *fal_model_named(const char *name);
// One whose requests are asked for there. NULL: there is none.
const struct fal_model *fal_model_of_app(const char *app, size_t len);

// Adds what a job that is over has come to: a result, or an error, whose status this returns, and
// whose type, for its header, goes to `type` (NULL: none).
int fal_add_result(const struct sim *sim, const struct job *job, struct buf *json,
                   const char **type);

// Tells of the job's end at `url`.
void fal_webhook_watch(struct sim *sim, const struct job *job, const char *url);
