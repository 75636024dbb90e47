"""OTLP over HTTP, received: what services and gateway export becomes the store's spans."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.local.observe.store import Span, Store, Value

PATH: Final = "/v1/traces"
LARGEST: Final = 8 * 1024 * 1024
_TYPE: Final = "application/x-protobuf"
_KINDS: Final = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


class UnreadableError(Exception):
    """A body that is no export of traces."""


def receiving(store: Store) -> Route:
    """Return the door for exports into a store."""

    async def receive(request: Request) -> Response:
        if request.headers.get("content-type", "").split(";")[0] != _TYPE:
            return Response("Only protobuf is read here.", 415)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST:
                return Response("An export may have 8 MB.", 413)
        try:
            store.add(read(_plain(bytes(body), request.headers.get("content-encoding", ""))))
        except UnreadableError as error:
            return Response(str(error), 400)
        return Response(b"", 200, media_type=_TYPE)  # nothing was refused: an empty ExportTraceServiceResponse

    return Route(PATH, receive, methods=["POST"])


def read(body: bytes) -> list[Span]:
    """Return the spans of an export.

    :raises UnreadableError: it is none.
    """
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError:
        raise UnreadableError("This is no export of traces in protobuf.") from None
    return list(_spans(request))


def _plain(body: bytes, encoding: str) -> bytes:
    if encoding not in {"gzip", "deflate"}:
        return body
    inflating = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        plain = inflating.decompress(body, LARGEST)
    except zlib.error:
        raise UnreadableError(f"This is not encoded as {encoding}.") from None
    if inflating.unconsumed_tail:
        raise UnreadableError("An export may have 8 MB.")
    return plain


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for of_resource in request.resource_spans:
        service = str(_values(of_resource.resource.attributes).get("service.name", "?"))
        for of_scope in of_resource.scope_spans:
            for sent in of_scope.spans:
                yield _span(service, sent)


def _span(service: str, sent: Sent) -> Span:
    return Span(
        trace=sent.trace_id.hex(),
        id=sent.span_id.hex(),
        parent=sent.parent_span_id.hex() or None,
        service=service,
        name=sent.name,
        kind=_KINDS.get(sent.kind, "internal"),
        began=sent.start_time_unix_nano,
        ended=sent.end_time_unix_nano,
        failed=sent.status.code == Status.STATUS_CODE_ERROR,
        attributes=_values(sent.attributes),
    )


def _values(attributes: Iterable[KeyValue]) -> dict[str, Value]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: AnyValue) -> Value:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bool_value":
            return value.bool_value
        case "array_value":
            return tuple(str(_value(one)) for one in value.array_value.values)
        case _:
            return ""
