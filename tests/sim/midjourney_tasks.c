// The simulated Midjourney's tasks.
#include "tests/sim/midjourney_tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tests/sim/words.h"

enum { KEPT = 1000000, SUBMITTED_MS = 300, RENDERING_MS = 2500, PROGRESS_STEP = 5 };

static const char *const action_names[] = {
    [MJ_IMAGINE] = "IMAGINE", [MJ_BLEND] = "BLEND",     [MJ_DESCRIBE] = "DESCRIBE",
    [MJ_SHORTEN] = "SHORTEN", [MJ_UPSCALE] = "UPSCALE", [MJ_VARIATION] = "VARIATION",
    [MJ_REROLL] = "REROLL",   [MJ_ZOOM] = "ZOOM",       [MJ_INPAINT] = "INPAINT",
};

static const char *const status_names[] = {
    [MJ_MODAL] = "MODAL",     [MJ_SUBMITTED] = "SUBMITTED", [MJ_IN_PROGRESS] = "IN_PROGRESS",
    [MJ_SUCCESS] = "SUCCESS", [MJ_FAILURE] = "FAILURE",
};

// The buttons below a grid and below a single image. `%s` is the task's hash.
static const struct button {
    const char *custom_id;
    const char *label;
    enum mj_action action;
    bool needs_modal;
    bool is_below_grid;
} buttons[] = {
    {"MJ::JOB::upsample::1::%s", "U1", MJ_UPSCALE, false, true},
    {"MJ::JOB::upsample::2::%s", "U2", MJ_UPSCALE, false, true},
    {"MJ::JOB::upsample::3::%s", "U3", MJ_UPSCALE, false, true},
    {"MJ::JOB::upsample::4::%s", "U4", MJ_UPSCALE, false, true},
    {"MJ::JOB::reroll::0::%s::SOLO", "", MJ_REROLL, false, true},
    {"MJ::JOB::variation::1::%s", "V1", MJ_VARIATION, false, true},
    {"MJ::JOB::variation::2::%s", "V2", MJ_VARIATION, false, true},
    {"MJ::JOB::variation::3::%s", "V3", MJ_VARIATION, false, true},
    {"MJ::JOB::variation::4::%s", "V4", MJ_VARIATION, false, true},
    {"MJ::CustomZoom::%s", "Custom Zoom", MJ_ZOOM, true, false},
    {"MJ::Inpaint::1::%s::SOLO", "Vary (Region)", MJ_INPAINT, true, false},
};

struct mj_tasks *mj_tasks_new(double speed, const char *base_url)
{
    struct mj_tasks *tasks = mem_new(struct mj_tasks);

    tasks->ring = mem_array(struct mj_task *, KEPT);
    // Ids look like the real ones; a restarted vendor doesn't give the same ids again.
    tasks->first_id = tasks->next_id = (uint64_t)clock_wall_ms() * 1000;
    tasks->speed = speed;
    tasks->base_url = base_url;
    return tasks;
}

static void free_task(struct mj_task *task)
{
    if (task == NULL)
        return;
    free(task->prompt);
    free(task->state);
    free(task);
}

void mj_tasks_free(struct mj_tasks *tasks)
{
    for (size_t i = 0; i < KEPT; i++)
        free_task(tasks->ring[i]);
    free(tasks->ring);
    counts_clear(&tasks->prompts);
    counts_clear(&tasks->states);
    free(tasks);
}

struct mj_task *mj_tasks_add(struct mj_tasks *tasks, enum mj_action action, const char *prompt,
                             const char *state, bool is_modal)
{
    struct mj_task *task = mem_new(struct mj_task);
    struct mj_task **slot = &tasks->ring[tasks->next_id % KEPT];

    task->id = tasks->next_id++;
    task->action = action;
    task->is_modal = is_modal;
    task->prompt = mem_str(prompt);
    task->state = mem_str(state);
    task->began_ms = clock_wall_ms();
    free_task(*slot);
    *slot = task;
    if (action < MJ_UPSCALE) // a follow-up only repeats its parent's prompt
        counts_entry(&tasks->prompts, prompt)->accepted++;
    counts_entry(&tasks->states, state)->accepted++;
    return task;
}

struct mj_task *mj_tasks_at(const struct mj_tasks *tasks, uint64_t id)
{
    struct mj_task *task = tasks->ring[id % KEPT];

    return task != NULL && task->id == id ? task : NULL;
}

struct mj_task *mj_tasks_find(const struct mj_tasks *tasks, const char *id)
{
    char *end;
    uint64_t number;

    if (*id < '0' || *id > '9')
        return NULL;
    number = strtoull(id, &end, 10);
    return *end == '\0' ? mj_tasks_at(tasks, number) : NULL;
}

void mj_task_confirm(struct mj_tasks *tasks, struct mj_task *task, const char *prompt,
                     const char *state)
{
    task->is_modal = false;
    task->began_ms = clock_wall_ms();
    if (prompt != task->prompt)
        mem_set_str(&task->prompt, prompt);
    if (*state == '\0')
        return;
    mem_set_str(&task->state, state);
    counts_entry(&tasks->states, state)->accepted++;
}

static double rendering_ms(const struct mj_task *task)
{
    return RENDERING_MS * words_times(task->prompt);
}

enum mj_status mj_task_status(const struct mj_tasks *tasks, const struct mj_task *task,
                              int *progress)
{
    double age = (double)(clock_wall_ms() - task->began_ms), rendering = rendering_ms(task);

    *progress = 0;
    if (task->is_modal)
        return MJ_MODAL;
    age *= tasks->speed;
    if (tasks->speed <= 0)
        age = 1e18;
    if (age < SUBMITTED_MS)
        return MJ_SUBMITTED;
    if (words_has(task->prompt, "never")) {
        *progress = 50;
        return MJ_IN_PROGRESS;
    }
    age -= SUBMITTED_MS;
    if (age < rendering) {
        *progress = (int)(age / rendering * 100) / PROGRESS_STEP * PROGRESS_STEP;
        return MJ_IN_PROGRESS;
    }
    *progress = 100;
    return words_has(task->prompt, "fail") ? MJ_FAILURE : MJ_SUCCESS;
}

bool mj_task_look(struct mj_task *task)
{
    task->polls++;
    return !words_has(task->prompt, "lost") &&
           !(words_has(task->prompt, "blink") && task->polls <= 2);
}

void mj_task_hash(const struct mj_task *task, char hash[37])
{
    uint64_t a = task->id * 0x9e3779b97f4a7c15u, b = (task->id ^ a) * 0xbf58476d1ce4e5b9u;

    snprintf(hash, 37, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a & 0xffff),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(b >> 48),
             (unsigned long long)(b & 0xffffffffffff));
}

static bool has_button(const struct mj_task *task, const struct button *button)
{
    if (task->action == MJ_DESCRIBE || task->action == MJ_SHORTEN)
        return false;
    return button->is_below_grid == (task->action != MJ_UPSCALE);
}

// Writes the id of a button: its pattern with the hash in it.
static void add_custom_id(struct buf *buf, const struct button *button, const char *hash)
{
    const char *place = strstr(button->custom_id, "%s");

    buf_add(buf, button->custom_id, (size_t)(place - button->custom_id));
    buf_str(buf, hash);
    buf_str(buf, place + 2);
}

bool mj_task_button(const struct mj_tasks *tasks, const struct mj_task *task, const char *custom_id,
                    enum mj_action *action, bool *needs_modal)
{
    struct buf id = {0};
    char hash[37];
    bool is_found = false;
    int progress;

    if (mj_task_status(tasks, task, &progress) != MJ_SUCCESS)
        return false;
    mj_task_hash(task, hash);
    for (size_t i = 0; i < sizeof buttons / sizeof buttons[0] && !is_found; i++) {
        buf_reset(&id);
        add_custom_id(&id, &buttons[i], hash);
        if (!has_button(task, &buttons[i]) || strcmp(id.data, custom_id) != 0)
            continue;
        *action = buttons[i].action;
        *needs_modal = buttons[i].needs_modal;
        is_found = true;
    }
    buf_clear(&id);
    return is_found;
}

static void add_buttons(const struct mj_task *task, struct buf *buf)
{
    const char *separator = "";
    char hash[37];

    mj_task_hash(task, hash);
    for (size_t i = 0; i < sizeof buttons / sizeof buttons[0]; i++) {
        const struct button *button = &buttons[i];

        if (!has_button(task, button))
            continue;
        buf_str(buf, separator);
        buf_str(buf, "{\"customId\":\"");
        add_custom_id(buf, button, hash);
        buf_fmt(buf, "\",\"emoji\":\"%s\",\"label\":\"%s\",\"type\":2,\"style\":2}",
                button->action == MJ_REROLL ? "\xf0\x9f\x94\x84" : "", button->label);
        separator = ",";
    }
}

static void add_time(struct buf *buf, const char *name, bool is_known, int64_t ms)
{
    buf_fmt(buf, ",\"%s\":", name);
    if (is_known)
        buf_int(buf, ms);
    else
        buf_str(buf, "null");
}

static void add_final_prompt(const struct mj_task *task, struct buf *buf)
{
    static const char *const lines[] = {
        "1\xef\xb8\x8f\xe2\x83\xa3 a lighthouse at dusk, %llu --ar 3:2",
        "2\xef\xb8\x8f\xe2\x83\xa3 an old tower above the sea, %llu --ar 3:2",
        "3\xef\xb8\x8f\xe2\x83\xa3 a beam of light over dark water, %llu --ar 3:2",
        "4\xef\xb8\x8f\xe2\x83\xa3 the last boat comes home, %llu --ar 3:2",
    };
    struct buf text = {0};

    if (task->action == MJ_DESCRIBE || task->action == MJ_SHORTEN) {
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
            const char *place = strstr(lines[i], "%llu");

            buf_str(&text, i > 0 ? "\n" : "");
            buf_add(&text, lines[i], (size_t)(place - lines[i]));
            buf_int(&text, (int64_t)task->id);
            buf_str(&text, place + 4);
        }
    } else {
        buf_str(&text, task->prompt);
    }
    buf_json_str(buf, buf_text(&text));
    buf_clear(&text);
}

static void add_image_url(const struct mj_tasks *tasks, const struct mj_task *task,
                          enum mj_status status, int progress, struct buf *buf)
{
    const char *ending = status == MJ_SUCCESS ? "" : "-preview";

    if (task->action == MJ_SHORTEN || (status != MJ_SUCCESS && status != MJ_IN_PROGRESS) ||
        progress == 0)
        buf_str(buf, "null");
    else
        buf_fmt(buf, "\"%s/sim/files/%llu%s.%s\"", tasks->base_url, (unsigned long long)task->id,
                ending, words_has(task->prompt, "webp-ext") ? "webp" : "png");
}

void mj_task_add_json(const struct mj_tasks *tasks, const struct mj_task *task, struct buf *buf)
{
    int progress;
    enum mj_status status = mj_task_status(tasks, task, &progress);
    double speed = tasks->speed <= 0 ? 1e18 : tasks->speed;
    bool is_over = status == MJ_SUCCESS || status == MJ_FAILURE;

    buf_fmt(buf, "{\"id\":\"%llu\",\"action\":\"%s\",\"status\":\"%s\",\"prompt\":",
            (unsigned long long)task->id, action_names[task->action], status_names[status]);
    buf_json_str(buf, task->prompt);
    buf_str(buf, ",\"promptEn\":");
    buf_json_str(buf, task->prompt);
    buf_str(buf, ",\"description\":\"simulated\",\"state\":");
    buf_json_str(buf, task->state);
    add_time(buf, "submitTime", true, task->began_ms);
    add_time(buf, "startTime", status > MJ_SUBMITTED,
             task->began_ms + (int64_t)(SUBMITTED_MS / speed));
    add_time(buf, "finishTime", is_over,
             task->began_ms + (int64_t)((SUBMITTED_MS + rendering_ms(task)) / speed));
    if (status == MJ_FAILURE)
        buf_str(buf, ",\"progress\":\"\",\"failReason\":\"[Invalid parameter] simulated\"");
    else
        buf_fmt(buf, ",\"progress\":\"%d%%\",\"failReason\":null", progress);
    buf_str(buf, ",\"imageUrl\":");
    add_image_url(tasks, task, status, progress, buf);
    buf_str(buf, ",\"buttons\":[");
    if (status == MJ_SUCCESS)
        add_buttons(task, buf);
    buf_str(buf, "],\"properties\":{\"discordInstanceId\":\"1118138338562560102\"");
    if (status == MJ_SUCCESS || status == MJ_MODAL) {
        buf_str(buf, ",\"finalPrompt\":");
        add_final_prompt(task, buf);
    }
    buf_str(buf, status == MJ_MODAL ? ",\"remix\":true}}" : "}}");
}
