// A client's body in the words of Kling's own API: public aliases, liberties, data URLs.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct err;
struct task;

// `list_key`: what an element of image_list calls its image on this route; NULL: it has none.
void kling_body_remap(json_t *body, const char *list_key);
// Of the omni route: the vendor wants to be told the ratio, unless a first frame or a video that is
// to be edited has one (G, W); its clients need not say it.
void kling_body_set_ratio(json_t *body);
// provider.h: from_unified
bool kling_body_from_unified(struct task *task, struct err *err);
