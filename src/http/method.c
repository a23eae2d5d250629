#include "http/method.h"

static const struct str names[] = {
    [HTTP_GET] = STR_INIT("GET"),         [HTTP_HEAD] = STR_INIT("HEAD"),
    [HTTP_OPTIONS] = STR_INIT("OPTIONS"), [HTTP_POST] = STR_INIT("POST"),
    [HTTP_PUT] = STR_INIT("PUT"),         [HTTP_DELETE] = STR_INIT("DELETE"),
    [HTTP_PATCH] = STR_INIT("PATCH"),     [HTTP_TRACE] = STR_INIT("TRACE"),
    [HTTP_CONNECT] = STR_INIT("CONNECT"), [HTTP_METHOD_UNKNOWN] = STR_INIT(""),
};

enum http_method http_method_of(struct str name)
{
    for (int method = HTTP_GET; method < HTTP_METHOD_UNKNOWN; method++)
        if (str_equal(name, names[method]))
            return (enum http_method)method;
    return HTTP_METHOD_UNKNOWN;
}

struct str http_method_name(enum http_method method)
{
    return names[method];
}
