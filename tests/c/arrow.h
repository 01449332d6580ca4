/* Reading Arrow by hand, as much of it as these programs need: one batch of a stream with its schema. */

#ifndef TILLROLL_TEST_ARROW_H
#define TILLROLL_TEST_ARROW_H

#include "check.h"

struct table {
    struct ArrowSchema schema;
    struct ArrowArray batch;
};

/* The only batch of a stream, which is released. */
static inline struct table read_table(struct ArrowArrayStream *stream) {
    struct table table;
    struct ArrowArray end;
    CHECK(stream->release != NULL);
    CHECK_INT(stream->get_schema(stream, &table.schema), 0);
    CHECK_INT(stream->get_next(stream, &table.batch), 0);
    CHECK(table.batch.release != NULL);
    CHECK_INT(stream->get_next(stream, &end), 0);
    CHECK(end.release == NULL);
    stream->release(stream);
    CHECK(stream->release == NULL);
    CHECK_TEXT(table.schema.format, "+s");
    CHECK_INT(table.schema.n_children, table.batch.n_children);
    return table;
}

static inline void free_table(struct table *table) {
    table->batch.release(&table->batch);
    table->schema.release(&table->schema);
}

/* A column by its name, which must have this format. */
static inline const struct ArrowArray *column(const struct table *table, const char *name, const char *format) {
    int64_t i;
    for (i = 0; i < table->schema.n_children; i++) {
        if (strcmp(table->schema.children[i]->name, name) == 0) {
            CHECK_TEXT(table->schema.children[i]->format, format);
            return table->batch.children[i];
        }
    }
    check_stop(name, "no such column", 0);
    return NULL;
}

static inline int is_null(const struct ArrowArray *array, int64_t row) {
    const uint8_t *valid = (const uint8_t *)array->buffers[0];
    int64_t at = row + array->offset;
    return valid != NULL && (valid[at / 8] >> (at % 8) & 1) == 0;
}

static inline int64_t int_at(const struct ArrowArray *array, int64_t row) {
    CHECK(!is_null(array, row));
    return ((const int64_t *)array->buffers[1])[row + array->offset];
}

static inline int32_t date_at(const struct ArrowArray *array, int64_t row) {
    CHECK(!is_null(array, row));
    return ((const int32_t *)array->buffers[1])[row + array->offset];
}

/* A decimal128 at six decimals, in millionths: its lower half, which must be all of it. */
static inline int64_t micros_at(const struct ArrowArray *array, int64_t row) {
    const int64_t *halves = (const int64_t *)array->buffers[1] + 2 * (row + array->offset);
    CHECK(!is_null(array, row));
    CHECK_INT(halves[1], halves[0] < 0 ? -1 : 0);
    return halves[0];
}

/* A text, which is the caller's. */
static inline char *text_at(const struct ArrowArray *array, int64_t row) {
    const int32_t *offsets = (const int32_t *)array->buffers[1] + row + array->offset;
    size_t length = (size_t)(offsets[1] - offsets[0]);
    char *text = (char *)calloc(length + 1, 1);
    CHECK(text != NULL && !is_null(array, row));
    memcpy(text, (const char *)array->buffers[2] + offsets[0], length);
    return text;
}

static inline void check_text_at(const struct ArrowArray *array, int64_t row, const char *wanted) {
    char *text = text_at(array, row);
    CHECK_TEXT(text, wanted);
    free(text);
}

#endif
