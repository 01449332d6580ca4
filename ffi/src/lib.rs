//! Tillroll: an embedded store for what an app or game publisher sells.
//!
//! One directory on disk holds the accounts at the stores and every row of the sales reports that the stores hand out.
//! What is not in this file is not part of the C interface. It begins like this; ffi/examples has whole programs:
//!
//! ```c
//!     tillroll_error *err = NULL;
//!     tillroll_db *db = tillroll_open("shop.till", NULL, &err);
//!     const char *query = "{\"by\":[\"month\",\"currency\"],\"measures\":[\"units\",\"earnings\"]}";
//!     struct ArrowArrayStream sums;
//!
//!     if (db == NULL || tillroll_sales_report(db, query, &sums, &err) != TILLROLL_OK) {
//!         fprintf(stderr, "%s\n", tillroll_error_message(err));
//!         tillroll_error_free(err);
//!     } else {
//!         sums.release(&sums);
//!     }
//!     tillroll_close(db);
//! ```
//!
//! The conventions:
//!
//! Strings are UTF-8 and end with NUL. What goes in is only read during the call and stays the caller's.
//!
//! Results come through pointers. A text given through a `char **` is the caller's, who frees it with
//! tillroll_string_free(); where it is not wanted, NULL is passed for it. A text given as `const char *` is never
//! freed. Where a call fails, texts are NULL, numbers 0 and streams released (their `release` is NULL), so that nothing
//! has to be freed but the error.
//!
//! Errors: functions give TILLROLL_OK or another of the TILLROLL_ codes. `err` may be NULL; otherwise `*err` is set by
//! every call, to NULL where it succeeds and to a new error where it fails, which the caller frees with
//! tillroll_error_free(). So an error that is to be kept is taken out of `*err` before the next call. A pointer that
//! must not be NULL is TILLROLL_MISUSE where it is, and nothing is done; this and TILLROLL_PANIC can come of any
//! function, and TILLROLL_ACCESS, TILLROLL_CLOSED, TILLROLL_IO and TILLROLL_CORRUPTION of any that reads or writes a
//! database: they are named below only where there is more to say.
//!
//! Threads: any number may use one database at once. No function lets a panic or an exception cross; callbacks must not
//! throw or jump out of the call either.
//!
//! JSON has the names of the Python interface: a query in JSON is the keyword arguments of the Python method. Money is
//! text in what comes out ("4.49"), and text or a number in what goes in; no digit of either is lost. JSON that cannot
//! be read is TILLROLL_VALIDATION, and the message says where. A record is an object whose first member is its `id`;
//! a gift card has none, and goes by its `code`.
//!
//! Structures that begin with `size` are set with their _INIT macro, so that programs stay valid when later versions
//! append fields.
//!
//! Every function and type says since which version it is there. What is there stays: a later version with the same
//! soname adds only. A program that wants to be sure of both compares TILLROLL_VERSION_NUMBER, what it was compiled
//! with, to tillroll_version_number(), what it runs with.

#![expect(
    clippy::missing_safety_doc,
    reason = "what a caller must keep to is the header's conventions, said once above"
)]

pub mod version;

pub mod status;

pub mod db;

pub mod records;

pub mod lookup;

pub mod import;

pub mod sales;

pub mod sync;

pub mod error;

mod boundary;
mod json;
mod options;
mod stream;
