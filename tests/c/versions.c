/* The header of the library that is linked; linked together with versions_again.c, which includes it too. */

#include "check.h"

int again(void);

int main(void) {
    CHECK_TEXT(tillroll_version(), TILLROLL_VERSION);
    CHECK_INT(tillroll_version_number(), TILLROLL_VERSION_NUMBER);
    CHECK_INT(again(), TILLROLL_VERSION_NUMBER);
    return 0;
}
