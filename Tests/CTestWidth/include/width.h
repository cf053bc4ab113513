#ifndef KEDASTRAL_TEST_WIDTH
/* How many tests run at a time: as many as two processors can serve before deadlines pass. */
#define KEDASTRAL_TEST_WIDTH "16"
#endif
