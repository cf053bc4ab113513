#include "width.h"

#include <stdlib.h>

/* Before main, where the testing library reads it; what the caller has set stays. */
__attribute__((constructor)) static void set_width(void) {
    setenv("SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH", KEDASTRAL_TEST_WIDTH, 0);
}
