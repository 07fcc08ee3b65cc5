// Pictures in forms.
#include "providers/picture_form.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/json/field_check.h"
#include "core/message/media_type.h"
#include "core/message/multipart_write.h"
#include "core/task/task.h"

// Its head has passed the check, so that its type is known. `file` is where it is copied from, and
// NULL where the task's file of that number goes.
static void write_part(const struct picture_form *pictures, const struct picture_part *part,
                       const struct buf *head, const struct buf *file, size_t number)
{
    const struct media_type *type = media_type_of(buf_text(head), head->len);
    char filename[32];

    snprintf(filename, sizeof filename, "%s.%s", part->stem, type->extension);
    if (file != NULL)
        multipart_write_file(pictures->form, part->name, filename, type->content_type, file->data,
                             file->len);
    else
        multipart_write_gap(pictures->form, part->name, filename, type->content_type, number,
                            pictures->task->inputs[number].bytes);
}

static bool write_fetched(struct picture_form *pictures, const struct picture_part *part,
                          struct err *err)
{
    size_t number = pictures->fetched++;
    const struct task_input *input;

    if (number >= pictures->task->input_count)
        return err_set(err, ERR_INTERNAL, "%s: wasn't fetched", part->field);
    input = &pictures->task->inputs[number];
    if (!pictures->check(part->field, buf_text(&input->data), input->data.len, input->bytes, err))
        return false;
    write_part(pictures, part, &input->data, NULL, number);
    return true;
}

static bool write_copied(const struct picture_form *pictures, const struct picture_part *part,
                         const char *text, struct err *err)
{
    const char *base64 = field_base64_of(text);
    struct buf data = {0};
    bool ok = (base64_decode(base64, strlen(base64), &data) ||
               err_set(err, ERR_INVALID, "%s: %s", part->field, pictures->otherwise)) &&
              pictures->check(part->field, buf_text(&data), data.len, (int64_t)data.len, err);

    if (ok)
        write_part(pictures, part, &data, &data, 0);
    buf_clear(&data);
    return ok;
}

bool picture_form_write(struct picture_form *pictures, const struct picture_part *part,
                        const char *text, struct err *err)
{
    return field_is_link(text) ? write_fetched(pictures, part, err)
                               : write_copied(pictures, part, text, err);
}
