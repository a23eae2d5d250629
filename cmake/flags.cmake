# The flags every object is compiled with, carried by one interface target.

add_library(flags INTERFACE)

# Every object can go into a shared library, which shows nothing but what says so.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

target_compile_definitions(flags INTERFACE _GNU_SOURCE)
target_compile_options(flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
    -Wmissing-prototypes -Wold-style-definition -Wcast-align -Wcast-qual -Wpointer-arith
    -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wdouble-promotion -Wswitch-enum -Wnull-dereference
    -Wimplicit-fallthrough -Wunused -Wredundant-decls
    -fno-common -fstack-protector-strong -fvisibility=hidden -fno-plt)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(flags INTERFACE
        -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init)
endif()
if(WARNINGS_ARE_ERRORS)
    target_compile_options(flags INTERFACE -Werror)
endif()

if(SANITIZE STREQUAL "address")
    target_compile_options(flags INTERFACE
        -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(flags INTERFACE -fsanitize=address,undefined)
elseif(SANITIZE STREQUAL "thread")
    target_compile_options(flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
    target_link_options(flags INTERFACE -fsanitize=thread)
elseif(NOT SANITIZE STREQUAL "off")
    message(FATAL_ERROR "SANITIZE=${SANITIZE}: allowed are address, thread and off")
endif()

# Release is optimised over all objects at once. The archives keep machine code too, so that any
# linker can use them.
set(lto OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND SANITIZE STREQUAL "off")
    set(lto ON)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        target_compile_options(flags INTERFACE -flto=auto -ffat-lto-objects)
        target_link_options(flags INTERFACE -flto=auto)
    else()
        target_compile_options(flags INTERFACE -flto=thin)
        target_link_options(flags INTERFACE -flto=thin -fuse-ld=lld)
    endif()
    target_compile_options(flags INTERFACE -D_FORTIFY_SOURCE=2)
endif()
# Libraries that nothing of a program uses are not asked for when it starts.
target_link_options(flags INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)
