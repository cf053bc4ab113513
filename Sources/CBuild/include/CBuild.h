#ifndef KEDASTRAL_BUILD_H
#define KEDASTRAL_BUILD_H

/// The commit that was built, with "-dirty" behind it if the checkout had changes; empty when it is not known.
extern const char *const kedastral_build_commit;

/// The day on which it was built, such as "Nov 26 2026"; with SOURCE_DATE_EPOCH set, that day.
extern const char *const kedastral_build_date;

#endif
