/* socket_call.h - recv(2), send(2) and sendmsg(2) past libc.
 *
 * In a process with threads each of libc's own turns asynchronous cancellation on and off around
 * the call (pthreads(7), "Cancellation points"), which takes more instructions than all the rest
 * that user space does for it. Nobody here cancels a thread. None of these sleeps or raises
 * SIGPIPE; errors are in errno, as ever. Used by both engines' sockets. */
#ifndef IO_SOCKET_CALL_H
#define IO_SOCKET_CALL_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline ssize_t socket_recv(int fd, void *bytes, size_t len)
{
    return syscall(SYS_recvfrom, fd, bytes, len, MSG_DONTWAIT, NULL, NULL);
}

static inline ssize_t socket_send(int fd, const void *bytes, size_t len, int flags)
{
    return syscall(SYS_sendto, fd, bytes, len, flags | MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
}

static inline ssize_t socket_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return syscall(SYS_sendmsg, fd, message, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

#endif
