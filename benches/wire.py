"""Just enough of OTLP's protobuf to send what a generator would not."""

import struct


def request(items, service=None):
    """One resource and one scope; the fields have the same numbers in all signals."""
    resource = message(1, attributes(1, [("service.name", service)])) if service else b""
    return message(1, resource + message(2, b"".join(items)))


def event(time_ns, name, pairs):
    """A log record with an event's name, which is a business event."""
    return message(2, fixed64(1, time_ns) + attributes(6, pairs) + text(12, name))


def attributes(field, pairs):
    return b"".join(message(field, text(1, key) + message(2, text(1, value))) for key, value in pairs)


def text(field, value):
    return message(field, value.encode())


def message(field, body):
    return bytes([field << 3 | 2]) + varint(len(body)) + body


def fixed64(field, value):
    return bytes([field << 3 | 1]) + struct.pack("<Q", value)


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
