/*
 * Runs verbs that it is told on its input, for the tests in Python of this folder. A line is `COLLECTION VERB JSON`; the
 * answer is `0 JSON`, or the code of the error and its faults by field, else its message as it is. `- open PATH`
 * closes the database there is and opens another, `- import PATH` imports records, `- check` checks.
 */

#include "check.h"

/* A line without its end, of any length; NULL at the end of the input. The text is the caller's. */
static char *read_line(void) {
    size_t size = 1 << 16;
    size_t length = 0;
    char *line = (char *)malloc(size);
    CHECK(line != NULL);
    while (fgets(line + length, (int)(size - length), stdin) != NULL) {
        length += strlen(line + length);
        if (line[length - 1] == '\n') {
            line[length - 1] = '\0';
            return line;
        }
        size *= 2;
        line = (char *)realloc(line, size);
        CHECK(line != NULL);
    }
    free(line);
    return NULL;
}

/* Ends the word that a text begins with and gives what follows it. */
static char *cut(char *text) {
    char *blank = strchr(text, ' ');
    CHECK(blank != NULL);
    *blank = '\0';
    return blank + 1;
}

static void tell(int32_t code, const char *json, tillroll_error **err) {
    CHECK_INT(tillroll_error_code(*err), code);
    if (code != TILLROLL_OK) {
        const char *fields = tillroll_error_fields(*err);
        json = fields != NULL ? fields : tillroll_error_message(*err);
    }
    printf("%d %s\n", (int)code, json);
    CHECK_INT(fflush(stdout), 0);
    check_free(err);
}

static tillroll_db *reopen(tillroll_db *db, const char *path) {
    tillroll_error *err = NULL;
    tillroll_close(db);
    db = tillroll_open(path, NULL, &err);
    tell(tillroll_error_code(err), "null", &err);
    return db;
}

static void run(tillroll_db *db, const char *collection, const char *verb, const char *json) {
    tillroll_error *err = NULL;
    char *answer = NULL;
    uint64_t count = 0;
    int32_t code = TILLROLL_OK;
    if (strcmp(collection, "-") != 0) {
        code = tillroll_record_call(db, collection, verb, json, &answer, &err);
    } else if (strcmp(verb, "import") == 0) {
        code = tillroll_import_records(db, json, &count, &err);
    } else {
        code = tillroll_check(db, &answer, &err);
    }
    tell(code, answer != NULL ? answer : "null", &err);
    tillroll_string_free(answer);
}

int main(void) {
    tillroll_db *db = NULL;
    char *line = NULL;
    while ((line = read_line()) != NULL) {
        char *verb = cut(line);
        char *json = cut(verb);
        if (strcmp(verb, "open") == 0) {
            db = reopen(db, json);
        } else {
            run(db, line, verb, json);
        }
        free(line);
    }
    tillroll_close(db);
    return 0;
}
