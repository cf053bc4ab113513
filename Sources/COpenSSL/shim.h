#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/syscall.h>
#include <unistd.h>

// A file in memory alone, closed by exec; memfd_create itself is declared for GNU sources only.
static inline int kedastral_memory_file(const char *name) { return (int)syscall(SYS_memfd_create, name, 1u); }
