"""The official gRPC server, as an external scaler that misbehaves on demand; the ScaledObject's name says how.

Arguments: [authorities key certificate] of files for TLS. It prints its port, and then a line for each event a test waits for.
"""
import sys
import time
from concurrent import futures

import externalscaler_pb2 as messages
import externalscaler_pb2_grpc as stubs
import grpc


class Scaler(stubs.ExternalScalerServicer):
    def IsActive(self, request, context):
        if request.name == "unavailable":
            context.abort(grpc.StatusCode.UNAVAILABLE, "away: 100 % sure,\nback soon, grüße")
        if request.name == "slow":
            time.sleep(5)
        if request.name == "crash":
            raise RuntimeError("as asked")
        if request.name == "deadline":
            print(f"deadline {context.time_remaining():.0f}", flush=True)
        if request.name == "gzip":
            context.set_compression(grpc.Compression.Gzip)
        return messages.IsActiveResponse(result=request.scalerMetadata.get("active", "true") == "true")

    def GetMetricSpec(self, request, context):
        if request.name == "gzip":
            context.set_compression(grpc.Compression.Gzip)
        if request.name == "old":
            return messages.GetMetricSpecResponse(metricSpecs=[messages.MetricSpec(metricName="old", targetSize=7)])
        return messages.GetMetricSpecResponse(metricSpecs=[
            messages.MetricSpec(metricName=f"{request.namespace}-{key}", targetSize=1, targetSizeFloat=float(value))
            for key, value in sorted(request.scalerMetadata.items())])

    def GetMetrics(self, request, context):
        size = int(request.scaledObjectRef.scalerMetadata.get("bytes", "0"))
        return messages.GetMetricsResponse(metricValues=[
            messages.MetricValue(metricName=request.metricName + "x" * size, metricValueFloat=12.5)])

    def StreamIsActive(self, request, context):
        if request.name == "end":
            yield messages.IsActiveResponse(result=False)
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the end")
        context.add_callback(lambda: print("stream over", flush=True))
        count = 0
        while context.is_active() and request.name != f"count-{count}":
            count += 1
            yield messages.IsActiveResponse(result=count % 2 == 1)
            if not request.name.startswith("count-"):
                time.sleep(0.05)

    def StreamMetricSpec(self, request, context):
        # Messages that together are far more than a flow-control window.
        for index in range(int(request.scalerMetadata["count"])):
            yield messages.GetMetricSpecResponse(
                metricSpecs=[messages.MetricSpec(metricName="y" * 10_000, targetSizeFloat=index + 1)])
            print(f"sent {index + 1}", flush=True)


def read(path):
    with open(path, "rb") as file:
        return file.read()


options = [("grpc.max_send_message_length", 64 << 20), ("grpc.max_connection_age_ms", 2_147_483_647)]
server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=options)
stubs.add_ExternalScalerServicer_to_server(Scaler(), server)
if len(sys.argv) > 1:
    authorities, key, certificate = sys.argv[1:4]
    credentials = grpc.ssl_server_credentials(
        [(read(key), read(certificate))], read(authorities), require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
else:
    port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(f"port {port}", flush=True)
server.wait_for_termination()
