"""The port before it is closed: who is on the way in still gets in, and nobody else begins.

A listening socket that is closed resets the connections that the kernel has taken and the process has not. So
packets that begin one are dropped first, and all that have begun are taken in. Clients repeat such a packet
after a second; then the port is closed, and they are refused.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h; Python has no name for it
_FLAGS_AT, _SYN = 13, 0x02  # of TCP's header
_LOAD_BYTE, _JUMP_IF_SET, _RETURN = 0x30, 0x45, 0x06  # linux/bpf_common.h
_DROP, _WHOLE = 0, 0xFFFFFFFF
_NO_NEW = (
    (_LOAD_BYTE, 0, 0, _FLAGS_AT),
    (_JUMP_IF_SET, 0, 1, _SYN),
    (_RETURN, 0, 0, _DROP),
    (_RETURN, 0, 0, _WHOLE),
)


def keep_out(listener: socket.socket) -> None:
    """Lets no new connection begin; those that have may still be accepted.

    Where the kernel has no such filters, nothing changes.

    Args:
        listener: The socket that is listened on.
    """
    program = b"".join(struct.pack("HBBI", *step) for step in _NO_NEW)
    memory = ctypes.create_string_buffer(program, len(program))
    with contextlib.suppress(OSError):
        address = struct.pack("HL", len(_NO_NEW), ctypes.addressof(memory))
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, address)
