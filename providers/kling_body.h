// A client's body in the words of Kling's own API: public aliases, liberties, data URLs.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct err;
struct task;

// `list_key`: what an element of image_list calls its image on this route; NULL: it has none.
void kling_body_remap(json_t *body, const char *list_key);
// provider.h: from_unified
bool kling_body_from_unified(struct task *task, struct err *err);
