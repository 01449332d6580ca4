/* A second translation unit, which includes the header twice and first of all. */

#include "tillroll.h"
#include "tillroll.h"

int again(void);

int again(void) {
    return (int)tillroll_version_number();
}
