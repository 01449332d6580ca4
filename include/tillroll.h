/*
 * Tillroll: an embedded store for what an app or game publisher sells.
 *
 * One directory on disk holds the accounts at the stores and every row of the sales reports that the stores hand out.
 * What is not in this file is not part of the C interface. It begins like this; ffi/examples has whole programs:
 *
 *     tillroll_error *err = NULL;
 *     tillroll_db *db = tillroll_open("shop.till", NULL, &err);
 *     const char *query = "{\"by\":[\"month\",\"currency\"],\"measures\":[\"units\",\"earnings\"]}";
 *     struct ArrowArrayStream sums;
 *
 *     if (db == NULL || tillroll_sales_report(db, query, &sums, &err) != TILLROLL_OK) {
 *         fprintf(stderr, "%s\n", tillroll_error_message(err));
 *         tillroll_error_free(err);
 *     } else {
 *         sums.release(&sums);
 *     }
 *     tillroll_close(db);
 *
 * The conventions:
 *
 * Strings are UTF-8 and end with NUL. What goes in is only read during the call and stays the caller's.
 *
 * Results come through pointers. A text given through a `char **` is the caller's, who frees it with
 * tillroll_string_free(); where it is not wanted, NULL is passed for it. A text given as `const char *` is never
 * freed. Where a call fails, texts are NULL, numbers 0 and streams released (their `release` is NULL), so that nothing
 * has to be freed but the error.
 *
 * Errors: functions give TILLROLL_OK or another of the TILLROLL_ codes. `err` may be NULL; otherwise `*err` is set by
 * every call, to NULL where it succeeds and to a new error where it fails, which the caller frees with
 * tillroll_error_free(). So an error that is to be kept is taken out of `*err` before the next call. A pointer that
 * must not be NULL is TILLROLL_MISUSE where it is, and nothing is done; this and TILLROLL_PANIC can come of any
 * function, and TILLROLL_ACCESS, TILLROLL_CLOSED, TILLROLL_IO and TILLROLL_CORRUPTION of any that reads or writes a
 * database: they are named below only where there is more to say.
 *
 * Threads: any number may use one database at once. No function lets a panic or an exception cross; callbacks must not
 * throw or jump out of the call either.
 *
 * JSON has the names of the Python interface: a query in JSON is the keyword arguments of the Python method. Money is
 * text in what comes out ("4.49"), and text or a number in what goes in; no digit of either is lost. JSON that cannot
 * be read is TILLROLL_VALIDATION, and the message says where. A record is an object whose first member is its `id`;
 * a gift card has none, and goes by its `code`.
 *
 * Structures that begin with `size` are set with their _INIT macro, so that programs stay valid when later versions
 * append fields.
 *
 * Every function and type says since which version it is there. What is there stays: a later version with the same
 * soname adds only. A program that wants to be sure of both compares TILLROLL_VERSION_NUMBER, what it was compiled
 * with, to tillroll_version_number(), what it runs with.
 */

#ifndef TILLROLL_H
#define TILLROLL_H

#include <stddef.h>
#include <stdint.h>

#define TILLROLL_VERSION "0.1.0"
#define TILLROLL_VERSION_NUMBER 1000

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The Arrow C data and stream interfaces, as Arrow's own documentation gives them. Other headers may have them too.
 */

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */

/* ====================================================================================================================
 * The version
 */

/**
 * The version of the library that is linked, as text: "0.1.0". Never NULL.
 *
 * The text is static: it is never freed. Since 0.1.0.
 */
const char *tillroll_version(void);

/**
 * The version of the library that is linked, as a number: major x 1,000,000 + minor x 1,000 + patch, so that versions
 * compare as numbers do. It equals TILLROLL_VERSION_NUMBER of the header that belongs to the library. Since 0.1.0.
 */
uint32_t tillroll_version_number(void);

/* ====================================================================================================================
 * What came of a call
 *
 * A function that answers with `int32_t` gives TILLROLL_OK or one of the codes below; one that makes a handle gives
 * NULL where it fails. With a code comes, where `err` is not NULL, a tillroll_error. The codes never change their
 * numbers; later versions may add some, which a program takes for a failure like any other. Those without a version
 * are there since 0.1.0.
 */

/** It is done. */
#define TILLROLL_OK 0

/** An argument cannot be what was meant: NULL, not UTF-8, or options with a `size` that no version has. */
#define TILLROLL_MISUSE 10

/**
 * A fault of Tillroll's own was caught. What is stored is safe; whether the call took effect, the next read tells.
 */
#define TILLROLL_PANIC 20

/** There is no such record, report, file or collection: ask for another. */
#define TILLROLL_NOT_FOUND 100

/** The change contradicts what is stored: resolve it first. */
#define TILLROLL_CONFLICT 110

/** The input breaks a rule or is not JSON: mend what tillroll_error_fields() names. */
#define TILLROLL_VALIDATION 120

/** The handle may not do this: it is open for reading only, or was restricted to other scopes. */
#define TILLROLL_ACCESS 130

/** The answer is still being fetched: ask again later. */
#define TILLROLL_PENDING 140

/** A secret cannot be read or written: open with the right passphrase. */
#define TILLROLL_VAULT 150

/** Another process, or another handle of this one, holds the database: wait for it or close it. */
#define TILLROLL_LOCKED 160

/** Bytes on disk are not what was written: tillroll_error_path() is the damaged file. */
#define TILLROLL_CORRUPTION 170

/** A file is not a report that can be read exactly: tillroll_error_path() and tillroll_error_line() say where. */
#define TILLROLL_FORMAT 180

/** Nothing more is accepted on this handle, since it is being closed or a write failed: open the database again. */
#define TILLROLL_CLOSED 190

/** The operating system refused: mend the cause (space, permissions, path) and try again. */
#define TILLROLL_IO 200

/** The caller cancelled. */
#define TILLROLL_CANCELLED 210

/**
 * Why a call failed. It is asked with the functions at the end of this file.
 *
 * Threads: it never changes, so that any number may read it at once.
 *
 * Lifetime: from the failed call to tillroll_error_free(); it refers to nothing else and may outlive the database.
 *
 * Since 0.1.0.
 */
typedef struct tillroll_error tillroll_error;

/* ====================================================================================================================
 * Databases
 */

/**
 * An open database.
 *
 * Threads: any number may use one at once. tillroll_close() alone must be the last call on it, and not be made from a
 * progress callback.
 *
 * Lifetime: from tillroll_open() to tillroll_close(). Streams and texts that came of it may outlive it.
 *
 * Processes: it belongs to the one that opened it. In a child that was forked from that, calls with it and reads from
 * its streams fail with TILLROLL_CLOSED; closing and releasing are allowed there, and leave everything to the parent.
 * Nor can such a child open a database of its own, unless for reading only: fork before, or call exec.
 *
 * Since 0.1.0.
 */
typedef struct tillroll_db tillroll_db;

/**
 * How a database is opened. Set it with TILLROLL_OPEN_OPTIONS_INIT, then change fields.
 *
 * Threads: it is read during the call only.
 *
 * Lifetime: the caller's, like the text that it points to; neither is needed after the call.
 *
 * Since 0.1.0.
 */
typedef struct tillroll_open_options {
    /** sizeof(tillroll_open_options). */
    size_t size;
    /** Not 0: the database is made where there is none. 1 unless changed. */
    int32_t create;
    /** Not 0: nothing at all is written, and nothing is made. */
    int32_t read_only;
    /** What the stored secrets are sealed with. NULL: without it; everything but sealed secrets works. */
    const char *passphrase;
    /** How many bytes of the stored rows are kept in memory. 0: a quarter of the memory, at most 1 GiB. */
    uint64_t cache_bytes;
    /**
     * How many threads imports use, and how many reports, scans and lookups of many ids use; with 1, scans read nothing
     * ahead. 0: as many as there are processors.
     */
    uint64_t threads;
} tillroll_open_options;

/* Made where there is none, reading and writing, no passphrase, the default cache and threads. */
#define TILLROLL_OPEN_OPTIONS_INIT { sizeof(tillroll_open_options), 1, 0, NULL, 0, 0 }

/**
 * Opens a database, or makes one.
 *
 * `options` may be NULL for the defaults. The result is closed with tillroll_close(); it is NULL where the call
 * fails: TILLROLL_LOCKED while another process, or another handle of this one, has it open; TILLROLL_NOT_FOUND where
 * there is none and it must not be made; TILLROLL_FORMAT for a directory that holds something else or a newer format;
 * TILLROLL_VAULT for a wrong passphrase; TILLROLL_CORRUPTION for damage; TILLROLL_IO for what the system refuses.
 * Since 0.1.0.
 */
struct tillroll_db *tillroll_open(const char *path, const struct tillroll_open_options *options, tillroll_error **err);

/**
 * Closes a database: the lock is given back and the handle freed. NULL is fine.
 *
 * What was acknowledged is on disk before this is called; nothing is lost where a process ends without it, the next
 * open only takes longer. A stream of tillroll_sales_scan() that is not released yet keeps the database open and
 * locked until it is. Since 0.1.0.
 */
void tillroll_close(struct tillroll_db *db);

/**
 * Cancels every import that runs or waits on this handle, of reports or of records, from any thread; without one it
 * does nothing.
 *
 * It returns at once. The import stops within about a tenth of a second, unless its files are all read already, and
 * answers with TILLROLL_CANCELLED; one that waits for another does so when its turn comes. Every report is then either
 * wholly in or wholly out. It only adds to an atomic number, and so may be called from a signal handler. NULL is fine.
 * Since 0.1.0.
 */
void tillroll_cancel(struct tillroll_db *db);

/**
 * Opens another handle on the same database that may do less: what `scopes` names, and nothing else. Anything else on
 * it fails with TILLROLL_ACCESS.
 *
 * `scopes` are `count` names of account:read, account:write (external accounts), products:read, products:write,
 * public:read (searching products), sales:read, sales:write, records:read and records:write (all other records). The
 * handle is closed with tillroll_close(), which leaves the database open while another handle has it. NULL where the
 * call fails: TILLROLL_VALIDATION for a name that is none, TILLROLL_ACCESS for a scope that `db` has not itself.
 * Since 0.1.0.
 */
struct tillroll_db *tillroll_restrict(struct tillroll_db *db,
                                      const char *const *scopes,
                                      size_t count,
                                      tillroll_error **err);

/**
 * Verifies every byte that is stored, and the indexes and totals against it. Takes as long as reading all of it.
 *
 * `out_json` becomes {"ok":true,"problems":[]}, or false and one text for each fault, naming its file. Faults that
 * are found are an answer, not a failure: the code is TILLROLL_OK then too. Fails with TILLROLL_IO or
 * TILLROLL_CLOSED. Since 0.1.0.
 */
int32_t tillroll_check(struct tillroll_db *db, char **out_json, tillroll_error **err);

/**
 * Verifies a database that nobody has open, as tillroll_check() does, and writes nothing: what keeps it from opening
 * is a problem among the others.
 *
 * `out_json` as of tillroll_check(). Fails with TILLROLL_NOT_FOUND where there is none, with TILLROLL_LOCKED while
 * somebody has it open for writing, or with TILLROLL_IO. Since 0.1.0.
 */
int32_t tillroll_check_path(const char *path, char **out_json, tillroll_error **err);

/**
 * Repairs a database that nobody has open, also one that will not open: rebuilds what can be rebuilt, and names what
 * cannot. Afterwards it opens, and tillroll_check_path() finds nothing.
 *
 * `out_json` becomes an object. `lost` lists the reports whose files are to be imported again, `uncertain` those that
 * stand because their rows do and may have been deleted: objects with `path`, `sha256`, `account`, `kind`, `period`,
 * `part` and `rows`. `incomplete` says whether commits, records or secrets are lost, or may be, and `ok` that it is
 * false and both lists are empty; `changed` says whether anything was done. `notes` has a text for each fault, and
 * `moved` what stands in the database's folder damaged/ now: copies of all files that were damaged or replaced, and
 * the index where commits are missing.
 *
 * Fails with TILLROLL_NOT_FOUND where there is none, with TILLROLL_LOCKED while somebody has it open, with
 * TILLROLL_FORMAT for a newer format or a backup that is not finished, or with TILLROLL_IO, after which it can be
 * repaired again. Since 0.1.0.
 */
int32_t tillroll_repair(const char *path, char **out_json, tillroll_error **err);

/**
 * Copies the database of this moment to a new directory, while others read and write. The copy is checked while it is
 * made, is a database itself, and has the key file beside the data where there is one: whoever has it can read the
 * secrets as well.
 *
 * Fails with TILLROLL_CONFLICT where a database stands already, with TILLROLL_LOCKED while another backup fills the
 * directory, with TILLROLL_FORMAT for one that holds something else, with TILLROLL_CORRUPTION naming the damaged file
 * of this database, with TILLROLL_IO, TILLROLL_ACCESS or TILLROLL_CLOSED. Since 0.1.0.
 */
int32_t tillroll_backup(struct tillroll_db *db, const char *path, tillroll_error **err);

/**
 * Makes a new database in `path` from a backup, which stays as it is and is checked on the way.
 *
 * Fails with TILLROLL_NOT_FOUND where `backup` is no database, with TILLROLL_LOCKED while somebody has it open for
 * writing, and as tillroll_backup() does. Since 0.1.0.
 */
int32_t tillroll_restore(const char *backup, const char *path, tillroll_error **err);

/**
 * Makes the database as small as it can be. Takes about as long as writing all of it anew, and as much room meanwhile;
 * nobody has to call this, since files that are more than half dead are written anew by themselves. Waits for an
 * import that runs.
 *
 * Fails with TILLROLL_ACCESS on a read-only or narrowed handle, with TILLROLL_IO or TILLROLL_CLOSED: what was stored
 * stays then. Since 0.1.0.
 */
int32_t tillroll_compact(struct tillroll_db *db, tillroll_error **err);

/**
 * Sizes and counts of what is stored, as a JSON object: `rows`, `reports`, `roll_bytes`, `journal_bytes` ...
 *
 * Fails with TILLROLL_IO, TILLROLL_CORRUPTION or TILLROLL_CLOSED. Since 0.1.0.
 */
int32_t tillroll_stats(struct tillroll_db *db, char **out_json, tillroll_error **err);

/**
 * Seals the stored secrets with another passphrase, in one write. NULL keeps the key in a file beside the data
 * instead, readable by its owner only.
 *
 * Fails with TILLROLL_VAULT where the present passphrase was not given at open, TILLROLL_ACCESS, TILLROLL_IO or
 * TILLROLL_CLOSED. Since 0.1.0.
 */
int32_t tillroll_set_passphrase(struct tillroll_db *db, const char *passphrase, tillroll_error **err);

/**
 * The stores that products are sold in, as a JSON list of objects with `id`, `name` and `storefronts`, what searches
 * can be narrowed to. It cannot fail but with TILLROLL_MISUSE. Since 0.1.0.
 */
int32_t tillroll_stores(struct tillroll_db *db, char **out_json, tillroll_error **err);

/**
 * Writes all records of this moment to a file, a line of JSON each. Secrets and sales are not in it; the file appears
 * when it is whole.
 *
 * `out` becomes the number of records; it must not be NULL. Fails with TILLROLL_IO or TILLROLL_ACCESS, and with
 * TILLROLL_VALIDATION that names a record whose line would be longer than what is read back, 8 MiB. Since 0.1.0.
 */
int32_t tillroll_export_records(struct tillroll_db *db, const char *path, uint64_t *out, tillroll_error **err);

/**
 * Stores the records of a file that tillroll_export_records() wrote, with the ids and times they had. Rules about
 * "now", such as an expiry in the future, are not applied again.
 *
 * `out` becomes the number of records that were not stored already; it must not be NULL. Fails with TILLROLL_FORMAT
 * for lines that cannot be read or refer to a record that is neither in the file nor stored, with TILLROLL_CONFLICT
 * where an id or a unique value is another record's, with TILLROLL_IO or TILLROLL_ACCESS. The message names the lines,
 * and nothing is stored then. TILLROLL_CANCELLED after tillroll_cancel(): of a file of more than 10,000 lines, the
 * beginning may be stored then. Since 0.1.0.
 */
int32_t tillroll_import_records(struct tillroll_db *db, const char *path, uint64_t *out, tillroll_error **err);

/* ====================================================================================================================
 * Records
 *
 * The resources of a database by the names of their collections, as JSON: "external_accounts".
 */

/**
 * Creates a record of the fields in `json`, and gives it as it is stored, with its id.
 *
 * Fields that only the engine sets are ignored, so that what came out goes in again. Fails with TILLROLL_NOT_FOUND for
 * an unknown collection, TILLROLL_VALIDATION for fields that are missing or wrong (tillroll_error_fields() has all of
 * them), TILLROLL_CONFLICT, TILLROLL_VAULT, TILLROLL_ACCESS or TILLROLL_IO. Since 0.1.0.
 */
int32_t tillroll_record_create(tillroll_db *db,
                               const char *collection,
                               const char *json,
                               char **out_json,
                               tillroll_error **err);

/**
 * Gets a record by its id.
 *
 * Fails with TILLROLL_NOT_FOUND, also for an unknown collection and for a text that cannot be an id. Since 0.1.0.
 */
int32_t tillroll_record_get(tillroll_db *db,
                            const char *collection,
                            const char *id,
                            char **out_json,
                            tillroll_error **err);

/**
 * Changes the fields that `json` names, and no others, and gives the record as it is stored now.
 *
 * Fails as tillroll_record_create() does, and with TILLROLL_NOT_FOUND; nothing is changed then. Since 0.1.0.
 */
int32_t tillroll_record_update(tillroll_db *db,
                               const char *collection,
                               const char *id,
                               const char *json,
                               char **out_json,
                               tillroll_error **err);

/**
 * Deletes a record.
 *
 * Fails with TILLROLL_NOT_FOUND, TILLROLL_CONFLICT where other records need it, TILLROLL_ACCESS or TILLROLL_IO.
 * Since 0.1.0.
 */
int32_t tillroll_record_delete(tillroll_db *db, const char *collection, const char *id, tillroll_error **err);

/**
 * Lists records by page: {"data":[...],"meta":{"page":1,"page_size":50,"page_count":1,"item_count":2}}.
 *
 * `query_json` has `page`, `page_size`, `sort` ("nickname-desc"), `filter`
 * ("eq(store,amazon):like(nickname,*games*)"), `expand`, `created_at_from` and the like, and any indexed field; NULL
 * is the first page of 50 by id. Fails with TILLROLL_NOT_FOUND for an unknown collection and TILLROLL_VALIDATION for a
 * wrong query. Since 0.1.0.
 */
int32_t tillroll_record_list(tillroll_db *db,
                             const char *collection,
                             const char *query_json,
                             char **out_json,
                             tillroll_error **err);

/**
 * Counts the records of a collection. `out` must not be NULL.
 *
 * Fails with TILLROLL_NOT_FOUND for an unknown collection. Since 0.1.0.
 */
int32_t tillroll_record_count(tillroll_db *db, const char *collection, uint64_t *out, tillroll_error **err);

/**
 * Runs any verb of a collection by its Python name, with its arguments as a JSON object: "create_many" with
 * {"records":[...]}, "update" with {"id":1,"nickname":"..."}; NULL is no arguments. It reaches the verbs that have no
 * function of their own. What the verb gives comes as JSON, `null` where it gives nothing.
 *
 * Fails as the verb does, and with TILLROLL_VALIDATION for an unknown one; the message lists those there are.
 * Since 0.1.0.
 */
int32_t tillroll_record_call(tillroll_db *db,
                             const char *collection,
                             const char *verb,
                             const char *args_json,
                             char **out_json,
                             tillroll_error **err);

/* ====================================================================================================================
 * Products by their id in a store
 *
 * Imports make a product of everything that is sold. Where another one is asked for, the program can ask its store.
 */

/**
 * Where a lookup says what it has found, by tillroll_lookup_found().
 *
 * Threads: it is the callback's, and used by one thread at a time.
 *
 * Lifetime: it is gone when the callback returns.
 *
 * Since 0.1.0.
 */
typedef struct tillroll_lookup tillroll_lookup;

/**
 * Asks a store for a product. `store` is its name as products show it ("amazon_appstore"), `id_in_store` as it was
 * asked for. It hands what it finds to tillroll_lookup_found(), or nothing where there is no such product, and gives 0;
 * anything else says that it could not ask.
 *
 * Threads: it is called once, on a thread of its own, and may go on when the call that wanted it has stopped waiting.
 * What `user_data` points to must bear both. It may use the database, which must then stay open until
 * tillroll_release_fn is called: tillroll_close() does not wait for lookups, and the callback must not call it. Asking
 * for the product that it looks up, by a lookup again, is refused with TILLROLL_VALIDATION: it would wait for itself.
 *
 * Lifetime: the texts and `lookup` are gone when it returns; `user_data` is the caller's, and needed until
 * tillroll_release_fn says otherwise.
 *
 * Since 0.1.0.
 */
typedef int32_t (*tillroll_lookup_fn)(const char *store,
                                      const char *id_in_store,
                                      struct tillroll_lookup *lookup,
                                      void *user_data);

/**
 * Told that `user_data` is not needed any more: the callback has returned or is not called. What it has found may be
 * stored only after that.
 *
 * Threads: it is called once, by whichever thread is done last.
 *
 * Lifetime: `user_data` is as it was given, and the program's to free.
 *
 * Since 0.1.0.
 */
typedef void (*tillroll_release_fn)(void *user_data);

/**
 * Gets a product by its id in a store, as `get_by_store` of tillroll_record_call() does; where there is none, asks
 * `lookup` for it, and stores what it gives.
 *
 * `store` in any spelling. `lookup` may be NULL. While one runs, others who ask for the same product wait for it and
 * theirs is not called. `timeout_ms` is how long to wait; 0 does not wait: the answer is stored when it comes, unless
 * the database is closed before. `release` may be NULL; otherwise it is called once with `user_data`, also where the
 * call fails or no lookup was needed. `out_json` becomes the product, as of tillroll_record_get().
 *
 * Fails with TILLROLL_NOT_FOUND, also where the lookup finds nothing; TILLROLL_PENDING where it has not ended in time;
 * TILLROLL_IO where it gave anything but 0; TILLROLL_VALIDATION for a store that is none and for fields that cannot be
 * stored or are those of another product; TILLROLL_CONFLICT or TILLROLL_ACCESS. Since 0.1.0.
 */
int32_t tillroll_products_get_by_store(tillroll_db *db,
                                       const char *store,
                                       const char *id_in_store,
                                       tillroll_lookup_fn lookup,
                                       void *user_data,
                                       tillroll_release_fn release,
                                       uint64_t timeout_ms,
                                       char **out_json,
                                       tillroll_error **err);

/**
 * Says what a lookup has found: the fields of a product as a JSON object. A store or an identifier that it does not
 * name is the one that was asked for. What is said last counts.
 *
 * Fails with TILLROLL_VALIDATION for what is no JSON object. Since 0.1.0.
 */
int32_t tillroll_lookup_found(struct tillroll_lookup *lookup, const char *json, tillroll_error **err);

/* ====================================================================================================================
 * Importing reports
 */

/**
 * How reports are imported. Set it with TILLROLL_IMPORT_OPTIONS_INIT, then change fields.
 *
 * Threads: it is read during the call only.
 *
 * Lifetime: the caller's, like the texts that it points to; none is needed after the call.
 *
 * Since 0.1.0.
 */
typedef struct tillroll_import_options {
    /** sizeof(tillroll_import_options). */
    size_t size;
    /** The kind of all files: "amazon-sales". NULL: told from the content. */
    const char *kind;
    /** The period of all files: "2018-03". NULL: told from names and rows. */
    const char *period;
    /**
     * "keep" (or NULL): rows that cannot be read are kept as rejects. "fail": with one of them nothing is imported.
     */
    const char *on_reject;
    /** Not 0: files whose bytes are stored already are read again. */
    int32_t force;
    /** Not 0: the buyers' city, state, postal code and user id are kept; otherwise they are dropped. */
    int32_t keep_personal;
    /** How many threads read. 0: as many as the database was opened with. */
    uint64_t threads;
} tillroll_import_options;

/* Kind and period told from the files, rejects kept, unchanged files skipped, personal fields dropped. */
#define TILLROLL_IMPORT_OPTIONS_INIT { sizeof(tillroll_import_options), NULL, NULL, NULL, 0, 0, 0 }

/**
 * How far an import is.
 *
 * Threads: it is the callback's alone while it runs.
 *
 * Lifetime: it is gone when the callback returns; copy what is needed. Later versions may append fields: copy fields,
 * not the whole.
 *
 * Since 0.1.0.
 */
typedef struct tillroll_progress {
    /** Bytes of the files read so far, as they lie on disk. */
    uint64_t bytes_done;
    /** Bytes of all files. */
    uint64_t bytes_total;
    /** Rows read so far, whether they will be stored or not. */
    uint64_t rows;
    /** Files done with, whatever came of them. */
    uint64_t files_done;
    /** All files. */
    uint64_t files_total;
} tillroll_progress;

/**
 * Told how far an import is; anything but 0 cancels it.
 *
 * Threads: it is called from the thread that called tillroll_sales_import() or from others that read files, one call at
 * a time, at most every 50 ms and once more when all is done, and never after tillroll_sales_import() has returned; it
 * may be called again after it has cancelled, and what it answers when all is done changes nothing. What `user_data`
 * points to must bear that. It may ask the database, but must neither import nor close.
 *
 * Lifetime: `progress` is gone when it returns; `user_data` is the caller's, and as it was given.
 *
 * Since 0.1.0.
 */
typedef int32_t (*tillroll_progress_fn)(const struct tillroll_progress *progress, void *user_data);

/**
 * What an import did.
 *
 * Threads: the caller's.
 *
 * Lifetime: the caller's; it points to nothing.
 *
 * Since 0.1.0.
 */
typedef struct tillroll_import_summary {
    /** Files that are stored now: read, or found unchanged. */
    uint64_t files;
    /** Rows written by this call. */
    uint64_t rows;
    /** Rows of this call that could not be read and are kept as rejects. */
    uint64_t rejected;
    /** Files whose bytes were stored already: nothing was written for them. */
    uint64_t unchanged;
    /** Files that replaced a stored report. */
    uint64_t replaced;
    /** Wall time of the call. */
    double seconds;
    /** 0, for later versions. */
    uint64_t reserved[8];
} tillroll_import_summary;

/**
 * Imports report files for an external account, each of them wholly or not at all. What is stored when the call
 * returns stays, also where it fails.
 *
 * `paths` are `count` files or globs. `options` may be NULL for the defaults, `progress` where nobody looks, and `out`
 * where the summary is not wanted. The call returns when all is done; imports on one database run one after the other.
 *
 * A file that cannot be read does not stop the others: the call fails in the end with the first one's code (mostly
 * TILLROLL_FORMAT or TILLROLL_CONFLICT), tillroll_error_failures() lists them, and `out` says what was stored. Refused
 * before anything is read: an unknown account or a glob without a match (TILLROLL_NOT_FOUND), a missing file
 * (TILLROLL_IO), a directory (TILLROLL_FORMAT), no path or wrong options (TILLROLL_VALIDATION), a database opened for
 * reading (TILLROLL_ACCESS). TILLROLL_CANCELLED after a progress callback or tillroll_cancel() said so. Since 0.1.0.
 */
int32_t tillroll_sales_import(tillroll_db *db,
                              const char *const *paths,
                              size_t count,
                              uint64_t account_id,
                              const struct tillroll_import_options *options,
                              tillroll_progress_fn progress,
                              void *user_data,
                              struct tillroll_import_summary *out,
                              tillroll_error **err);

/**
 * Tells what kind of report a file holds, by its header line: "amazon-sales". Neither its name nor a database counts.
 *
 * `out_kind` becomes a text, which the caller frees with tillroll_string_free(). Fails with TILLROLL_FORMAT, which says
 * what the file looks like, where it is no report that can be read, and with TILLROLL_IO. Since 0.1.0.
 */
int32_t tillroll_sniff(const char *path, char **out_kind, tillroll_error **err);

/* ====================================================================================================================
 * Asking the sales
 *
 * Answers with rows are Arrow C streams: batches of columns, which other libraries take without a copy. The caller
 * releases a stream and each batch by its own `release`. Threads: a stream is used by one thread at a time, by any.
 * Lifetime: answers of tillroll_sales_scan() are read as they are asked for, from the commit that stood at the call;
 * all others are whole in memory. Either may be read after tillroll_close().
 *
 * Money is decimal128 at six decimals, times are timestamp[us, UTC], days date32, counts int64.
 */

/** Nothing is known of a period: it was not imported, or has been deleted. */
#define TILLROLL_PERIOD_ABSENT 0

/** A period is known to have no sales. */
#define TILLROLL_PERIOD_EMPTY 10

/** A report with rows is stored for a period. */
#define TILLROLL_PERIOD_ROWS 20

/**
 * Sums by groups, exact: the columns are `by`, then `measures`, in the order asked.
 *
 * `query_json` has `by` (day week month quarter year account store kind period product product_group sku title country
 * marketplace currency earnings_currency type item_type term), `measures` (units gross_units refund_units all_units
 * sales earnings rows), `order_by` ("-units"), `limit`, `combine_inapps` (true: items count among their app, by product
 * and product_group), and which rows count: account store kind period start end product product_group include_inapps
 * sku parent_sku title item_name country marketplace currency earnings_currency type item_type term, each one value or
 * a list.
 * Fails with TILLROLL_VALIDATION for a name that does not exist, where currencies would be added together, where a
 * step of by, start or end parts the days of an Apple report whose rows have no date of their own, or where
 * google-sales and google-earnings, which tell of the same orders, would be added together; with
 * TILLROLL_NOT_FOUND for a product that does not exist; with TILLROLL_IO or TILLROLL_CORRUPTION. Since 0.1.0.
 */
int32_t tillroll_sales_report(tillroll_db *db,
                              const char *query_json,
                              struct ArrowArrayStream *out,
                              tillroll_error **err);

/**
 * The rows as they stand in the reports, by account, kind, period, part and line; texts are dictionaries.
 *
 * `query_json` has `columns` (all, unless named), `limit`, `binary_ids` (true: transaction ids, which must all be
 * UUIDs in small letters, as fixed_size_binary(16)), and which rows count, as for a report; NULL is everything.
 * The stream keeps the database open and locked until it is released, beyond tillroll_close(). Fails with
 * TILLROLL_VALIDATION; while it is read, with EIO where the stored rows cannot be read, with EINVAL where
 * `binary_ids` meets an id that is no such UUID, and with ENOSYS where a fault of Tillroll's own was caught. What
 * failed once is told again by every further call. Since 0.1.0.
 */
int32_t tillroll_sales_scan(tillroll_db *db,
                            const char *query_json,
                            struct ArrowArrayStream *out,
                            tillroll_error **err);

/**
 * The rows of a transaction, as a JSON list of objects with all columns: a charge and its refund share the id. The
 * list is empty where there is none.
 *
 * Fails with TILLROLL_IO or TILLROLL_CORRUPTION. Since 0.1.0.
 */
int32_t tillroll_sales_get(tillroll_db *db, const char *transaction_id, char **out_json, tillroll_error **err);

/**
 * The rows of `count` transactions, in the order of the ids; those that are not there have no row.
 *
 * Fails as tillroll_sales_get() does. Since 0.1.0.
 */
int32_t tillroll_sales_get_many(tillroll_db *db,
                                const char *const *ids,
                                size_t count,
                                struct ArrowArrayStream *out,
                                tillroll_error **err);

/** Counts the stored rows. `out` must not be NULL. Fails with TILLROLL_CLOSED. Since 0.1.0. */
int32_t tillroll_sales_count(tillroll_db *db, uint64_t *out, tillroll_error **err);

/**
 * The names of all columns of a scan, as a JSON list: those that every store has, then the files' own.
 *
 * Fails with TILLROLL_IO or TILLROLL_CORRUPTION. Since 0.1.0.
 */
int32_t tillroll_sales_columns(tillroll_db *db, char **out_json, tillroll_error **err);

/**
 * The stored reports of an account, or of all where `account_id` is 0, as a JSON list of objects: `id`, `account`,
 * `path`, `sha256`, `kind`, `period`, `part`, `rows`, `rejected`, `imported_at`, `totals` by currency, `change` against
 * the version it replaced, null for a first one; `shadowed_by`, the id of the import that counts in its place, null
 * while it counts; and `versions`, oldest first and this one last, each with `id`, `path`, `sha256`, `imported_at`,
 * `rows`, `rejected`, `totals` and `change`. Of those before this one the newest 64 are kept.
 *
 * Fails with TILLROLL_CLOSED. Since 0.1.0.
 */
int32_t tillroll_sales_imports(tillroll_db *db, uint64_t account_id, char **out_json, tillroll_error **err);

/**
 * The rows that could not be read, of one import, or of all where `import_id` is 0: `path`, `line` (from 1 on, the
 * header's), `reason` and `text`.
 *
 * Fails with TILLROLL_NOT_FOUND for an id that is no stored import's, TILLROLL_IO or TILLROLL_CORRUPTION.
 * Since 0.1.0.
 */
int32_t tillroll_sales_rejects(tillroll_db *db, uint64_t import_id, struct ArrowArrayStream *out, tillroll_error **err);

/**
 * Deletes a report with all its parts, and forgets its bytes, so that the same file imports again.
 *
 * Fails with TILLROLL_NOT_FOUND where none is stored, TILLROLL_VALIDATION for what is no kind or no period,
 * TILLROLL_ACCESS or TILLROLL_IO. Since 0.1.0.
 */
int32_t tillroll_sales_delete(tillroll_db *db,
                              uint64_t account_id,
                              const char *kind,
                              const char *period,
                              tillroll_error **err);

/**
 * What is known of a period: `out` becomes one of the TILLROLL_PERIOD_ numbers. It must not be NULL.
 *
 * Fails with TILLROLL_VALIDATION for what is no kind or no period, TILLROLL_NOT_FOUND for an unknown account.
 * Since 0.1.0.
 */
int32_t tillroll_sales_period_state(tillroll_db *db,
                                    uint64_t account_id,
                                    const char *kind,
                                    const char *period,
                                    int32_t *out,
                                    tillroll_error **err);

/**
 * Notes that a day, week, month or year is known to have no sales, where the store gives out no file for it. It stands
 * like a report without rows: with others of its length it can cover a longer report, which then no longer counts, and
 * where it is the longer one it gives way to shorter reports with rows.
 *
 * Fails with TILLROLL_CONFLICT where rows are stored for it, TILLROLL_NOT_FOUND for an unknown account,
 * TILLROLL_VALIDATION, TILLROLL_ACCESS or TILLROLL_IO. Since 0.1.0.
 */
int32_t tillroll_sales_mark_empty(tillroll_db *db,
                                  uint64_t account_id,
                                  const char *kind,
                                  const char *period,
                                  tillroll_error **err);

/**
 * The months from `start` to `end`, the latter excluded, for Apple the days, that reports which count do not cover
 * wholly, as a JSON list of texts.
 *
 * Fails with TILLROLL_VALIDATION for what is no kind, day or period, TILLROLL_NOT_FOUND for an unknown account.
 * Since 0.1.0.
 */
int32_t tillroll_sales_gaps(tillroll_db *db,
                            uint64_t account_id,
                            const char *kind,
                            const char *start,
                            const char *end,
                            char **out_json,
                            tillroll_error **err);

/* ====================================================================================================================
 * Keeping up with the stores
 *
 * Which reports there are to fetch. Nothing here touches the network: the program fetches with what it has, imports
 * what it got by tillroll_sales_import(), and tells here and with tillroll_sales_mark_empty() what else the store
 * said.
 *
 * What signs in at a store is sealed by tillroll_record_call() of "external_accounts": "set_credentials" with
 * {"id":1,"credentials":{...}} or null for them, "has_credentials" and "reveal_credentials" with {"id":1}. The last
 * gives them in the clear and is the only way to them; it needs the passphrase, as the password does, and a handle
 * that is not restricted. Such a text is best overwritten before it is freed.
 */

/**
 * What to fetch, as a JSON list of objects by account and first day: of every external account with `auto_import`
 * and credentials, each report that its store can give and that is absent, or that was fetched while the store
 * could still change it. Each has `account`, `store`, `kind`, `period`, `first_day`, `last_day` (App Store Connect
 * calls a week by it), `reason` ("absent" or "restated") and `is_over`: where the store has nothing for a period
 * that is over, nothing was sold.
 *
 * `options_json` has `now` ("2018-04-02T03:00:00Z"), `since` ("2018-03") and `accounts`, a list of ids; NULL is
 * everything, now. It follows from the database and that time alone. Fails with TILLROLL_VALIDATION,
 * TILLROLL_NOT_FOUND for an account that is named and not there, or TILLROLL_ACCESS. Since 0.1.0.
 */
int32_t tillroll_sync_plan(tillroll_db *db, const char *options_json, char **out_json, tillroll_error **err);

/**
 * Notes that what is stored for a period, or that it is empty, is what its store gave at a time
 * ("2018-04-02T03:00:00Z", NULL for now). A plan lists the period no more once it was fetched when its store could
 * not change it any more. An import notes its own time by itself: this tells of a fetch whose bytes were stored
 * already.
 *
 * Fails with TILLROLL_NOT_FOUND for an unknown account and where nothing is stored for the period, with
 * TILLROLL_VALIDATION, TILLROLL_ACCESS or TILLROLL_IO. Since 0.1.0.
 */
int32_t tillroll_sales_mark_fetched(tillroll_db *db,
                                    uint64_t account_id,
                                    const char *kind,
                                    const char *period,
                                    const char *at,
                                    tillroll_error **err);

/**
 * Notes that the store will never give out a period any more. It stays absent, and a plan lists it no more; it may
 * list a longer report in its stead. Does nothing where a report is stored.
 *
 * Fails with TILLROLL_NOT_FOUND for an unknown account, TILLROLL_VALIDATION, TILLROLL_ACCESS or TILLROLL_IO.
 * Since 0.1.0.
 */
int32_t tillroll_sales_mark_lost(tillroll_db *db,
                                 uint64_t account_id,
                                 const char *kind,
                                 const char *period,
                                 tillroll_error **err);

/* ====================================================================================================================
 * Reading errors
 *
 * All of these take NULL for "no error", so that an `err` may be asked without looking first. The texts belong to the
 * error: they are never freed by themselves, and go with it.
 */

/** The code that the failed call gave; TILLROLL_OK for NULL. Since 0.1.0. */
int32_t tillroll_error_code(const tillroll_error *error);

/** What went wrong, in English, for people: programs look at the code. Never NULL; "" for NULL. Since 0.1.0. */
const char *tillroll_error_message(const tillroll_error *error);

/** The file or directory it is about; NULL where it is about none. Since 0.1.0. */
const char *tillroll_error_path(const tillroll_error *error);

/**
 * The line of the file that could not be read, from 1 on in the decoded text; 0 where the fault has none.
 * Since 0.1.0.
 */
uint64_t tillroll_error_line(const tillroll_error *error);

/**
 * All faults of an input by field, as JSON: {"store":["is required"]}; NULL where it is not about fields.
 * Since 0.1.0.
 */
const char *tillroll_error_fields(const tillroll_error *error);

/**
 * The files of an import that were not stored, as JSON, in the order in which they failed:
 * [{"path":"a.csv","code":180,"message":"...","line":3}], `line` null where the fault has none. NULL where no file
 * failed. Since 0.1.0.
 */
const char *tillroll_error_failures(const tillroll_error *error);

/** Frees an error. NULL is fine. Since 0.1.0. */
void tillroll_error_free(tillroll_error *error);

/**
 * Frees a text that a function gave through a `char **`. NULL is fine. Texts given as `const char *` are not freed.
 * Since 0.1.0.
 */
void tillroll_string_free(char *text);

#ifdef __cplusplus
}
#endif

#endif /* TILLROLL_H */
