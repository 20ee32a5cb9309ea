"""Calls the API by grpcio, with nothing of ours but the compiled contracts: call_grpc.py TARGET IMAGE [AUTHORITIES]."""

import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

target, image, *authorities = sys.argv[1:]
files = descriptor_pb2.FileDescriptorSet()
with open(image, "rb") as compiled:
    files.ParseFromString(compiled.read())
pool = descriptor_pool.DescriptorPool()
for file in files.file:
    pool.Add(file)


def message(name):
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"paceline.v1.{name}"))


def procedure(channel, service, name, kind="unary_unary"):
    return getattr(channel, kind)(
        f"/paceline.v1.{service}/{name}",
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=message(f"{name}Response").FromString,
    )


metadata = (("authorization", "Bearer operator"),)


def channel_to(target):
    if not authorities:
        return grpc.insecure_channel(target)
    with open(authorities[0], "rb") as pem:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(pem.read()))


with channel_to(target) as channel:
    listed = procedure(channel, "PacingService", "ListFlights")(
        message("ListFlightsRequest")(organization="acme", limit=1), metadata=metadata, timeout=30
    )
    [flight] = listed.data
    assert flight.budget_micros == 9_007_199_254_740_993, flight
    assert not flight.HasField("spend_micros"), flight
    assert listed.data_version == "0:1", listed

    try:
        procedure(channel, "PacingService", "GetFlight")(
            message("GetFlightRequest")(organization="acme", campaign_id="none", flight_id="none"), metadata=metadata
        )
        raise AssertionError("a flight that is not there was found")
    except grpc.RpcError as refusal:
        assert refusal.code() is grpc.StatusCode.NOT_FOUND, refusal
        trailers = dict(refusal.trailing_metadata())
        assert trailers["paceline-error-code"] == "NOT_FOUND", trailers
        assert "grpc-status-details-bin" in trailers, trailers

    try:
        procedure(channel, "PacingService", "ListFlights")(message("ListFlightsRequest")(organization="acme"))
        raise AssertionError("nobody was let in")
    except grpc.RpcError as refusal:
        assert refusal.code() is grpc.StatusCode.UNAUTHENTICATED, refusal

    marks = procedure(channel, "PacingService", "WatchMark", "unary_stream")(
        message("WatchMarkRequest")(organization="acme"), metadata=metadata
    )
    assert next(marks).data.flights.rows == 1
    marks.cancel()
