"""A double of KEDA's raw metrics service, built from its interface (proto/rawmetrics.proto) on the official gRPC library.

It keeps KEDA's rules as far as a client sees them: a subscription is accepted whether or not its trigger exists; a subscription
without a name is answered and forgotten; values go to one stream of a subscriber, wait while there is none, and are lost with all
subscriptions of a subscriber that reads none of them for a while; a stream without a subscriber's name fails.

Arguments: [--port N] [--tls AUTHORITIES KEY CERTIFICATE] [--hold SECONDS]. It prints its port, then a line for each event. Orders
are lines on standard input:

    value NAMESPACE OBJECT TRIGGER VALUE [AGE]   sends a value to its subscribers, AGE seconds old
    many NAMESPACE TRIGGER COUNT VALUE           the same for the objects 0 … COUNT - 1
    raw HEX                                      sends bytes as the next message of every stream
    end                                          ends all streams well
    forget                                       forgets all subscriptions, and ends no stream
    fail CODE                                    fails further subscriptions with a status; OK ends that
    hang                                         answers no further subscription
"""
import argparse
import pathlib
import queue
import sys
import threading
import time
from concurrent import futures

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "proto"))
messages, _ = grpc.protos_and_services("rawmetrics.proto")
parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--tls", nargs=3)
parser.add_argument("--hold", type=float, default=60)
arguments = parser.parse_args()

END = object()


def say(*words):
    # In one piece: threads speak at the same time.
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Subscriber:
    def __init__(self):
        self.triggers = set()
        self.messages = queue.Queue()
        self.streams = 0
        self.read_at = time.monotonic()

    def give_back(self, message):
        with self.messages.mutex:
            self.messages.queue.appendleft(message)
            self.messages.not_empty.notify()


class Service:
    def __init__(self):
        self.lock = threading.Lock()
        self.subscribers = {}
        self.status = None
        self.hangs = False

    def subscriber(self, name):
        return self.subscribers.setdefault(name, Subscriber())

    # The interface.

    def stream(self, request, context):
        if not request.subscriber:
            context.abort(grpc.StatusCode.UNKNOWN, "subscriber must be specified")
        with self.lock:
            own = self.subscriber(request.subscriber)
            own.streams += 1
        say("stream", request.subscriber)
        try:
            while context.is_active():
                try:
                    message = own.messages.get(timeout=0.05)
                except queue.Empty:
                    continue
                if not context.is_active():
                    own.give_back(message)
                    return
                if message is END:
                    return
                own.read_at = time.monotonic()
                yield message
        finally:
            own.streams -= 1
            say("closed", request.subscriber)

    def subscribe(self, request, context):
        while self.hangs and context.is_active():
            time.sleep(0.05)
        if self.status is not None:
            context.abort(self.status, "as ordered")
        trigger = key(request.metricMetadata)
        with self.lock:
            own = self.subscriber(request.subscriber)
            was = trigger in own.triggers
            if all(trigger):
                own.triggers.add(trigger)
        say("renewed" if was else "subscribed", *trigger)
        return messages.SubscriptionAck(wasSubscribed=was)

    def unsubscribe(self, request, context):
        trigger = key(request.metricMetadata)
        with self.lock:
            own = self.subscriber(request.subscriber)
            was = trigger in own.triggers
            own.triggers.discard(trigger)
        say("unsubscribed", *trigger)
        return messages.SubscriptionAck(wasSubscribed=was)

    # Orders.

    def send(self, trigger, value, age=0.0):
        metric = messages.RawMetric(
            value=value, isActive=value > 0,
            metadata=messages.ScaledObjectRef(namespace=trigger[0], name=trigger[1], metricName=trigger[2]))
        read = time.time() - age
        metric.timestamp.seconds, metric.timestamp.nanos = int(read), int(read % 1 * 1e9)
        response = messages.RawMetricsResponse(metrics=[metric]).SerializeToString()
        now = time.monotonic()
        with self.lock:
            for own in self.subscribers.values():
                if trigger not in own.triggers:
                    continue
                if own.streams == 0 and now - own.read_at > arguments.hold:
                    own.triggers.clear()
                else:
                    own.messages.put(response)

    def order(self, words):
        match words:
            case ["value", namespace, name, trigger, value, *age]:
                self.send((namespace, name, trigger), float(value), float(age[0]) if age else 0.0)
            case ["many", namespace, trigger, count, value]:
                for number in range(int(count)):
                    self.send((namespace, str(number), trigger), float(value))
                say("sent", count, value, time.time())
            case ["raw", text]:
                for own in self.subscribers.values():
                    own.messages.put(bytes.fromhex(text))
            case ["raw"]:
                for own in self.subscribers.values():
                    own.messages.put(b"")
            case ["end"]:
                for own in self.subscribers.values():
                    own.messages.put(END)
            case ["forget"]:
                for own in self.subscribers.values():
                    own.triggers.clear()
            case ["fail", code]:
                self.status = None if code == "OK" else grpc.StatusCode[code]
            case ["hang"]:
                self.hangs = True


def key(reference):
    return (reference.namespace, reference.name, reference.metricName)


def read(path):
    with open(path, "rb") as file:
        return file.read()


service = Service()
# Two doubles at one port would share its connections.
server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=[("grpc.so_reuseport", 0)])
methods = {
    "GetRawMetricsStream": grpc.unary_stream_rpc_method_handler(
        service.stream, messages.RawMetricsRequest.FromString, bytes),
    "SubscribeMetric": grpc.unary_unary_rpc_method_handler(
        service.subscribe, messages.SubscriptionRequest.FromString, messages.SubscriptionAck.SerializeToString),
    "UnsubscribeMetric": grpc.unary_unary_rpc_method_handler(
        service.unsubscribe, messages.SubscriptionRequest.FromString, messages.SubscriptionAck.SerializeToString),
}
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("api.RawMetricsService", methods),))
address = f"127.0.0.1:{arguments.port}"
if arguments.tls:
    authorities, private, certificate = map(read, arguments.tls)
    credentials = grpc.ssl_server_credentials([(private, certificate)], authorities, require_client_auth=True)
    port = server.add_secure_port(address, credentials)
else:
    port = server.add_insecure_port(address)
server.start()
say("port", port)
for line in sys.stdin:
    service.order(line.split())
