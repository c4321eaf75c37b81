"""A client of the interface without generated code: messages and calls come from its description, `api.binpb`."""

import os
from contextlib import contextmanager
from pathlib import Path

# The tests start many processes; what gRPC does around a fork is for programs that fork and do not exec.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc  # noqa: E402
import pytest  # noqa: E402
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: E402

SERVICES = ("runtime.v1.RuntimeService", "runtime.v1.ImageService")
PATIENCE = 60


def _load():
    files = descriptor_pb2.FileDescriptorSet.FromString((Path(__file__).parent / "api.binpb").read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return {m.name: m for name in SERVICES for m in pool.FindServiceByName(name).methods}


METHODS = _load()


def message_class(descriptor):
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory().GetPrototype(descriptor)  # protobuf before 4.22, as in Debian 12


class Client:
    """`client.Version(version="v1")`: every call of both services by its name, its request's fields by keyword.

    Fields take plain dicts and lists, enums their names. `timeout` is the call's deadline in seconds; a field of
    that name is `timeout_`.
    """

    def __init__(self, socket):
        limit = 64 << 20
        self.channel = grpc.insecure_channel(f"unix:{socket}", options=[
            ("grpc.max_receive_message_length", limit), ("grpc.default_authority", "localhost"),
            # A daemon that was killed is called again at once.
            ("grpc.initial_reconnect_backoff_ms", 20), ("grpc.min_reconnect_backoff_ms", 20),
            ("grpc.max_reconnect_backoff_ms", 50), ("grpc.use_local_subchannel_pool", 1)])
        self._calls = {}

    def __getattr__(self, name):
        if name not in METHODS:
            raise AttributeError(name)
        if name not in self._calls:
            self._calls[name] = self._make(METHODS[name])
        return self._calls[name]

    def _make(self, method):
        request, response = message_class(method.input_type), message_class(method.output_type)
        kind = self.channel.unary_stream if is_stream(method) else self.channel.unary_unary
        call = kind(f"/{method.containing_service.full_name}/{method.name}",
                    request_serializer=request.SerializeToString, response_deserializer=response.FromString)

        def send(timeout=PATIENCE, wait_for_ready=False, **fields):
            return call(request(**plain(fields)), timeout=timeout, wait_for_ready=wait_for_ready)

        # For those who cancel: gives what the call came to later.
        send.later = lambda timeout=PATIENCE, **fields: call.future(request(**plain(fields)), timeout=timeout)
        return send

    def close(self):
        self.channel.close()


def plain(fields):
    return {name.rstrip("_"): value for name, value in fields.items()}


def is_stream(method):
    proto = descriptor_pb2.MethodDescriptorProto()
    method.CopyToProto(proto)
    return proto.server_streaming


@contextmanager
def refused(*codes, says=()):
    """The call within fails with one of these codes, and our words name each of `says` (whatever their case)."""
    with pytest.raises(grpc.RpcError) as caught:
        yield caught
    error = caught.value
    assert error.code().name in codes, f"{error.code().name}: {error.details()}"
    if os.environ.get("CRI_RIG") == "containerd":
        return  # whose words are its own
    for word in [says] if isinstance(says, str) else says:
        assert word.lower() in error.details().lower(), error.details()
