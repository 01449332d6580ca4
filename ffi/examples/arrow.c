/*
 * Reads an Arrow stream by hand: every row of a database as tab-separated text, whatever its columns are.
 *
 *     cc arrow.c $(pkg-config --cflags --libs tillroll) -o arrow
 *     ./arrow shop.till '{"columns":["time","sku","units","earnings"],"start":"2018-01-01"}'
 *
 * Programs that have an Arrow library hand it the stream instead, and nothing is copied.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <tillroll.h>

/* Arrow numbers the rows of a column from its offset on. Bit 0 of the first byte is the first of them. */
static int is_null(const struct ArrowArray *column, int64_t at) {
    const uint8_t *valid = (const uint8_t *)column->buffers[0];
    return valid != NULL && (valid[at / 8] >> (at % 8) & 1) == 0;
}

/* A text is what lies between two ends in one long buffer. */
static void print_text(const struct ArrowArray *column, int64_t at) {
    const int32_t *ends = (const int32_t *)column->buffers[1] + at;
    fwrite((const char *)column->buffers[2] + ends[0], 1, (size_t)(ends[1] - ends[0]), stdout);
}

/* Amounts are numbers of 128 bits, in millionths; those of one row fit in the lower half. */
static void print_money(const struct ArrowArray *column, int64_t at) {
    int64_t micros = ((const int64_t *)column->buffers[1])[2 * at];
    uint64_t size = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;
    printf("%s%" PRIu64 ".%06" PRIu64, micros < 0 ? "-" : "", size / 1000000, size % 1000000);
}

/* Days and microseconds count from 1970-01-01. */
static void print_time(int64_t seconds, const char *form) {
    time_t moment = (time_t)seconds;
    const struct tm *parts = gmtime(&moment);
    char text[32];
    if (parts != NULL && strftime(text, sizeof text, form, parts) > 0) fputs(text, stdout);
}

static void print_value(const struct ArrowSchema *type, const struct ArrowArray *column, int64_t row) {
    int64_t at = row + column->offset;
    if (is_null(column, at)) {
        return;
    } else if (type->dictionary != NULL) {
        /* A text that occurs often is stored once; the column has its number. */
        int32_t code = ((const int32_t *)column->buffers[1])[at];
        print_value(type->dictionary, column->dictionary, code);
    } else if (strcmp(type->format, "u") == 0) {
        print_text(column, at);
    } else if (strcmp(type->format, "l") == 0) {
        printf("%" PRId64, ((const int64_t *)column->buffers[1])[at]);
    } else if (strncmp(type->format, "d:", 2) == 0) {
        print_money(column, at);
    } else if (strcmp(type->format, "tdD") == 0) {
        print_time((int64_t)((const int32_t *)column->buffers[1])[at] * 86400, "%Y-%m-%d");
    } else if (strncmp(type->format, "tsu:", 4) == 0) {
        print_time(((const int64_t *)column->buffers[1])[at] / 1000000, "%Y-%m-%dT%H:%M:%SZ");
    } else {
        fputs("?", stdout);
    }
}

static void print_batch(const struct ArrowSchema *schema, const struct ArrowArray *batch) {
    int64_t row, i;
    for (row = 0; row < batch->length; row++) {
        for (i = 0; i < batch->n_children; i++) {
            print_value(schema->children[i], batch->children[i], row + batch->offset);
            putchar(i + 1 < batch->n_children ? '\t' : '\n');
        }
    }
}

/* Everything that is taken out of a stream is released, and the stream at last; what failed has nothing to release. */
static int print_stream(struct ArrowArrayStream *rows) {
    struct ArrowSchema schema;
    struct ArrowArray batch;
    int64_t i;
    int code = rows->get_schema(rows, &schema);
    if (code == 0) {
        for (i = 0; i < schema.n_children; i++) {
            printf("%s%c", schema.children[i]->name, i + 1 < schema.n_children ? '\t' : '\n');
        }
        /* A batch that is released, and so has no `release`, is the end. */
        while ((code = rows->get_next(rows, &batch)) == 0 && batch.release != NULL) {
            print_batch(&schema, &batch);
            batch.release(&batch);
        }
        schema.release(&schema);
    }
    if (code != 0) {
        const char *told = rows->get_last_error(rows);
        fprintf(stderr, "%s\n", told != NULL ? told : strerror(code));
    }
    rows->release(rows);
    return code != 0;
}

int main(int argc, char **argv) {
    tillroll_open_options options = TILLROLL_OPEN_OPTIONS_INIT;
    tillroll_error *err = NULL;
    tillroll_db *db = NULL;
    struct ArrowArrayStream rows;
    int32_t code;

    if (argc < 2) {
        fprintf(stderr, "usage: %s DATABASE [QUERY]\n", argv[0]);
        return 2;
    }
    options.create = 0;
    db = tillroll_open(argv[1], &options, &err);
    code = db == NULL ? tillroll_error_code(err) : tillroll_sales_scan(db, argc > 2 ? argv[2] : NULL, &rows, &err);
    /* The stream keeps the database open as long as it needs it. */
    tillroll_close(db);
    if (code != TILLROLL_OK) {
        fprintf(stderr, "%s\n", tillroll_error_message(err));
        tillroll_error_free(err);
        return 1;
    }
    return print_stream(&rows);
}
