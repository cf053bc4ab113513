#include "CBuild.h"

// Package.swift defines it.
#ifndef KEDASTRAL_COMMIT
#define KEDASTRAL_COMMIT ""
#endif

const char *const kedastral_build_commit = KEDASTRAL_COMMIT;
const char *const kedastral_build_date = __DATE__;
