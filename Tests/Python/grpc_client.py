"""The official gRPC client, driven by a test: one JSON object a line on standard input, one answer a line on standard output.

Every request has an "id", which the answer repeats; calls run in threads of their own, so that streams can wait.
"""
import json
import sys
import threading

import externalscaler_pb2 as messages
import externalscaler_pb2_grpc as stubs
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from google.protobuf.descriptor_pool import DescriptorPool

output_lock = threading.Lock()
channel = None
streams = {}


def say(identifier, **fields):
    with output_lock:
        print(json.dumps({"id": identifier, **fields}), flush=True)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def connect(request):
    global channel
    options = [("grpc.enable_retries", 0)] + [(key, value) for key, value in request.get("options", {}).items()]
    if "authorities" in request:
        key, chain = request.get("key"), request.get("certificate")
        credentials = grpc.ssl_channel_credentials(
            read(request["authorities"]), read(key) if key else None, read(chain) if chain else None)
        channel = grpc.secure_channel(request["target"], credentials, options)
    else:
        channel = grpc.insecure_channel(request["target"], options)


def reference(request):
    return messages.ScaledObjectRef(
        name=request.get("name", ""), namespace="tests", scalerMetadata=request.get("metadata", {}))


def plain(response):
    """A response as JSON, whatever its type."""
    if isinstance(response, bytes):
        return {"hex": response.hex()}
    if isinstance(response, messages.IsActiveResponse):
        return {"active": response.result}
    if isinstance(response, messages.GetMetricSpecResponse):
        spec = response.metricSpecs[0]
        return {"metric": spec.metricName, "integer": spec.targetSize, "value": spec.targetSizeFloat}
    if isinstance(response, messages.GetMetricsResponse):
        value = response.metricValues[0]
        return {"metric": value.metricName, "integer": value.metricValue, "value": value.metricValueFloat}
    return {"health": health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)}


def method(request):
    """The stub method and its message."""
    name = request["method"]
    if name.startswith("/"):
        kind = channel.unary_stream if request.get("streaming") else channel.unary_unary
        return kind(name), bytes.fromhex(request.get("hex", ""))
    if name in ("Check", "Watch"):
        message = health_pb2.HealthCheckRequest(service=request.get("name", ""))
        return getattr(health_pb2_grpc.HealthStub(channel), name), message
    message = reference(request)
    if name == "GetMetrics":
        message = messages.GetMetricsRequest(scaledObjectRef=message, metricName=request.get("metric", ""))
    return getattr(stubs.ExternalScalerStub(channel), name), message


def options(request):
    compression = {"gzip": grpc.Compression.Gzip, "deflate": grpc.Compression.Deflate}.get(request.get("compression"))
    return {
        "timeout": request.get("timeout", 60),
        "compression": compression,
        "wait_for_ready": request.get("waitForReady"),
        "metadata": [("trace-bin", b"\x00\xff"), ("x-note", "any")],
    }


def failure(error):
    return {"code": error.code().name, "message": error.details()}


def call(request):
    identifier = request["id"]
    try:
        function, message = method(request)
        response, ended = function.with_call(message, **options(request))
        trailers = {key: value for key, value in ended.trailing_metadata() or () if isinstance(value, str)}
        say(identifier, code="OK", trailers=trailers, **plain(response))
    except grpc.RpcError as error:
        say(identifier, **failure(error))


def open_stream(request):
    """Answers each message of a stream, and its end, as an event of the request's id."""
    identifier = request["id"]
    function, message = method(request)
    stream = function(message, timeout=request.get("timeout"))
    streams[identifier] = stream
    try:
        for response in stream:
            say(identifier, **plain(response))
        say(identifier, code="OK")
    except grpc.RpcError as error:
        say(identifier, **failure(error))


def many(request):
    """Calls again and again, one after another, and counts the answers by status code."""
    counts = {}
    function, message = method(request)
    for _ in range(request["count"]):
        try:
            function(message, timeout=20)
            code = "OK"
        except grpc.RpcError as error:
            code = error.code().name
        counts[code] = counts.get(code, 0) + 1
    say(request["id"], code="OK", counts=counts)


def reflect(request):
    """Lists the services, and finds a message's fields by reflection alone."""
    database = ProtoReflectionDescriptorDatabase(channel)
    try:
        services = sorted(database.get_services())
        pool = DescriptorPool(database)
        fields = [field.name for field in pool.FindMessageTypeByName("externalscaler.ScaledObjectRef").fields]
        methods = [m.name for m in pool.FindServiceByName("externalscaler.ExternalScaler").methods]
        missing = ""
        try:
            pool.FindMessageTypeByName("externalscaler.Nothing")
        except KeyError as error:
            missing = str(error)
        say(request["id"], code="OK", services=services, fields=fields, methods=methods, missing=missing)
    except grpc.RpcError as error:
        say(request["id"], **failure(error))


for line in sys.stdin:
    command = json.loads(line)
    kind = command["do"]
    if kind == "connect":
        connect(command)
        say(command["id"], code="OK")
    elif kind == "cancel":
        streams[command["stream"]].cancel()
        say(command["id"], code="OK")
    else:
        work = {"call": call, "stream": open_stream, "many": many, "reflect": reflect}[kind]
        threading.Thread(target=work, args=(command,), daemon=True).start()
