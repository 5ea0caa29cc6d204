"""Clients that do not read their responses: what waits for all of them is bounded."""

from server.transport.send_deadline import UnsentBudget
from tests.support.running.waiting import eventually
from tests.support.services.transport_server import (
    TransportServer,
    answer,
    transport_server,
)

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SIZE = 10_000_000


async def large(scope, receive, send) -> None:
    await answer(send, bytes(SIZE))


async def answered(server: TransportServer, count: int) -> None:
    await eventually(lambda: server.state.total_requests == count)


def unsent(server: TransportServer) -> int:
    return sum(each.transport.get_write_buffer_size() for each in server.state.connections)


async def test_what_waits_to_be_read_by_all_clients_is_bounded(caplog):
    caplog.set_level("INFO")
    async with transport_server(large, unsent=UnsentBudget(4 * SIZE)) as server:
        for count in range(1, 11):
            _, writer = await server.connect()
            writer.write(REQUEST)
            await answered(server, count)
            await eventually(lambda: unsent(server) <= 4 * SIZE)

    assert caplog.messages.count("response not read by client") >= 1


async def test_the_client_that_reads_is_not_the_one_that_is_disconnected():
    async with transport_server(large, unsent=UnsentBudget(4 * SIZE)) as server:
        reader, writer = await server.connect()
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        received = len(await reader.readexactly(SIZE // 2))
        for count in range(2, 12):
            _, other = await server.connect()
            other.write(REQUEST)
            await answered(server, count)

        received += len(await reader.readexactly(SIZE // 2))

    assert head.startswith(b"HTTP/1.1 200 ")
    assert received == SIZE


async def test_a_response_larger_than_that_reaches_a_client_that_reads_it():
    async with transport_server(large, unsent=UnsentBudget(SIZE // 2)) as server:
        reader, writer = await server.connect()
        writer.write(REQUEST)
        await reader.readuntil(b"\r\n\r\n")

        body = await reader.readexactly(SIZE)

    assert len(body) == SIZE
