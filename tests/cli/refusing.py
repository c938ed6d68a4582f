"""Commands that run where the kernel refuses something, by a seccomp filter of their own: no privilege is needed."""

import ctypes
import errno
import os
import platform
import struct

NUMBERS = {
    "x86_64": {"arch": 0xC000003E, "clone": 56, "openat": 257, "tgkill": 234, "memfd_create": 319, "clone3": 435},
    "aarch64": {"arch": 0xC00000B7, "clone": 220, "openat": 56, "tgkill": 131, "memfd_create": 279, "clone3": 435},
}.get(platform.machine())  # None where they are not known

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06  # of struct seccomp_data's words; then of the accumulator
NUMBER, ARCH, ARGUMENT = 0, 4, 16
CLONE_THREAD, MFD_EXEC, O_TMPFILE = 0x10000, 0x10, 0x400000


def step(code, k, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, k)


def refuse(name, error, argument=None, bits=0):
    """Answers this system call with `error`; with `argument`, only where one of the bits is set in that one."""
    if NUMBERS is None:
        return []
    if argument is None:
        return [step(EQUAL, NUMBERS[name], 0, 1), step(RETURN, REFUSE | error)]
    return [step(EQUAL, NUMBERS[name], 0, 4), step(LOAD, ARGUMENT + 8 * argument), step(ANY_BIT, bits, 0, 1),
            step(RETURN, REFUSE | error), step(RETURN, ALLOW)]


NO_MEMORY_FILES = refuse("memfd_create", errno.EPERM)
UNKNOWN_MEMORY_FILES = refuse("memfd_create", errno.ENOSYS)
# As vm.memfd_noexec=2 does.
NO_EXECUTABLE_MEMORY_FILES = refuse("memfd_create", errno.EACCES, argument=1, bits=MFD_EXEC)
NO_UNNAMED_FILES = refuse("openat", errno.EOPNOTSUPP, argument=2, bits=O_TMPFILE)
NO_SIGNALS = refuse("tgkill", errno.EPERM)
# Processes may be started. glibc takes clone where there is no clone3, whose flags no filter can see.
NO_THREADS = refuse("clone3", errno.ENOSYS) + refuse("clone", errno.EAGAIN, argument=0, bits=CLONE_THREAD)
NO_PROCESSES = refuse("clone3", errno.ENOSYS) + refuse("clone", errno.EPERM)


def refusing(*filters):
    """What subprocess takes as preexec_fn."""
    steps = [step(LOAD, ARCH), step(EQUAL, NUMBERS["arch"], 1, 0), step(RETURN, ALLOW), step(LOAD, NUMBER)]
    steps += [one for each in filters for one in each] + [step(RETURN, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)

    def apply():
        # The kernel reads it here, in the child, which has the same memory.
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        assert code  # kept alive
    return apply
