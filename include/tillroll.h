/*
 * Tillroll: an embedded store for what an app or game publisher sells.
 *
 * What is not in this file is not part of the C interface. Today it tells the version; the rest is on its way.
 * Strings are UTF-8 and NUL-terminated. No function lets a panic or an exception cross.
 */

#ifndef TILLROLL_H
#define TILLROLL_H

#include <stdint.h>

#define TILLROLL_VERSION "0.1.0"
#define TILLROLL_VERSION_NUMBER 1000

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The version of the library that is linked, as text: "0.1.0".
 *
 * Any thread may call it. The text is static: it is never freed. It is never NULL.
 */
const char *tillroll_version(void);

/*
 * The version of the library that is linked, as a number: major x 1,000,000 + minor x 1,000 + patch, so that versions
 * compare as numbers do. It equals TILLROLL_VERSION_NUMBER of the header that belongs to the library.
 *
 * Any thread may call it.
 */
uint32_t tillroll_version_number(void);

#ifdef __cplusplus
}
#endif

#endif /* TILLROLL_H */
