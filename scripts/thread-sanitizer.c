// Tells ThreadSanitizer what it cannot see: the Swift runtime's libraries are built without it, so that an order of accesses that
// a lock or a task makes inside them would look like none. Loaded into every program by scripts/sanitize; it does nothing in those
// without the sanitizer.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *handle

// Synchronization.Mutex: its quick ways are inlined and seen; waiting for it, and waking who waits, are in the library.
SWIFT void lock_slow(uint32_t thread, SELF) __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
SWIFT void unlock_slow(SELF) __asm__("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");

SWIFT void lock_slow(uint32_t thread, SELF) {
  SWIFT void (*original)(uint32_t, SELF) = dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
  original(thread, handle);
  if (__tsan_acquire) __tsan_acquire(handle);
}

SWIFT void unlock_slow(SELF) {
  SWIFT void (*original)(SELF) = dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
  if (__tsan_release) __tsan_release(handle);
  original(handle);
}

// Tasks: the runtime tells of them itself, once it knows whom to tell.
__attribute__((constructor)) static void introduce(void) {
  bool *is_enabled = dlsym(RTLD_DEFAULT, "_swift_tsan_enabled");
  void (**acquire)(void *) = dlsym(RTLD_DEFAULT, "_swift_tsan_acquire");
  void (**release)(void *) = dlsym(RTLD_DEFAULT, "_swift_tsan_release");
  if (!__tsan_acquire || !is_enabled || !acquire || !release) return;
  *acquire = __tsan_acquire;
  *release = __tsan_release;
  *is_enabled = true;
}
