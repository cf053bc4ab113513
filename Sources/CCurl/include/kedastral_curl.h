#ifndef KEDASTRAL_CURL_H
#define KEDASTRAL_CURL_H

#include <curl/curl.h>

// Swift cannot call C variadics: one fixed-type function for each kind of argument that curl_easy_setopt and its siblings take.
CURLcode kedastral_curl_setopt_long(CURL *handle, CURLoption option, long value);
CURLcode kedastral_curl_setopt_string(CURL *handle, CURLoption option, const char *value);
CURLcode kedastral_curl_setopt_pointer(CURL *handle, CURLoption option, void *value);
// The bytes are copied.
CURLcode kedastral_curl_setopt_blob(CURL *handle, CURLoption option, const void *bytes, size_t count);
CURLcode kedastral_curl_getinfo_long(CURL *handle, CURLINFO info, long *value);
CURLcode kedastral_curl_getinfo_pointer(CURL *handle, CURLINFO info, void **value);
CURLMcode kedastral_curl_multi_setopt_long(CURLM *multi, CURLMoption option, long value);

typedef size_t (*kedastral_curl_write_callback)(char *data, size_t size, size_t count, void *context);
typedef int (*kedastral_curl_socket_callback)(CURL *easy, curl_socket_t socket, int what, void *context, void *socketContext);
typedef int (*kedastral_curl_timer_callback)(CURLM *multi, long timeoutMilliseconds, void *context);

CURLcode kedastral_curl_set_write_callback(CURL *handle, kedastral_curl_write_callback callback, void *context);
CURLMcode kedastral_curl_set_socket_callback(CURLM *multi, kedastral_curl_socket_callback callback, void *context);
CURLMcode kedastral_curl_set_timer_callback(CURLM *multi, kedastral_curl_timer_callback callback, void *context);

#endif
