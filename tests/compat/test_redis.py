"""redis-py's asyncio client with a Redis: commands, pipelines, subscriptions, cancelling."""

import asyncio

import pytest
import redis.asyncio as redis

pytestmark = pytest.mark.slow


@pytest.fixture(params=["TCP", "Unix"])
def enter(request, redis_server):
    """Makes a client of the Redis, which is empty."""

    def enter(**options):
        if request.param == "TCP":
            return redis.Redis(host="127.0.0.1", port=redis_server.port, **options)
        return redis.Redis(unix_socket_path=f"{redis_server.folder}/socket", **options)

    return enter


def test_what_was_set_is_got(run, enter):
    async def main():
        async with enter() as client:
            for size in (0, 1, 65536, 1 << 22):
                await client.set("coffee", bytes(size))
                assert await client.get("coffee") == bytes(size)
            await client.delete("coffee")
            assert await client.get("coffee") is None

    run(main)


def test_many_commands_at_once_are_all_answered(run, enter):
    async def main():
        async with enter() as client:
            words = [b"%d" % number for number in range(50)]
            assert await asyncio.gather(*map(client.echo, words)) == words

    run(main)


def test_a_pipeline_is_answered_in_order(run, enter):
    async def main():
        async with enter() as client:
            async with client.pipeline(transaction=True) as pipeline:
                pipeline.delete("served")
                for _ in range(1000):
                    pipeline.incr("served")
                answers = await pipeline.execute()
            assert answers[1:] == list(range(1, 1001))

    run(main)


def test_a_subscriber_hears_what_is_published(run, enter):
    async def main():
        async with enter() as client, client.pubsub() as subscriber:
            await subscriber.subscribe("orders")
            assert (await subscriber.get_message(timeout=None))["type"] == "subscribe"
            for word in (b"latte", b"mocha"):
                assert await client.publish("orders", word) == 1
                assert (await subscriber.get_message(timeout=None))["data"] == word
            await subscriber.unsubscribe()

    run(main)


def test_a_command_that_blocks_is_answered_when_it_can_be(run, enter):
    async def main():
        async with enter() as client:
            waiting = asyncio.create_task(client.blpop(["queue"], timeout=0))
            while not (await client.info("clients"))["blocked_clients"]:
                pass
            await client.rpush("queue", b"latte")
            assert tuple(await waiting) == (b"queue", b"latte")

    run(main)


def test_a_command_that_is_cancelled_gives_its_connection_up(run, enter):
    async def main():
        async with enter(max_connections=2) as client:
            waiting = asyncio.create_task(client.blpop(["queue"], timeout=0))
            while not (await client.info("clients"))["blocked_clients"]:
                pass
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            while (await client.info("clients"))["blocked_clients"]:
                pass
            # Its answer is nobody else's.
            assert await client.echo(b"latte") == b"latte"

    run(main)


def test_a_connection_that_the_server_ends_is_made_again(run, enter):
    async def main():
        async with enter() as client, enter() as other:
            number = await client.client_id()
            await other.client_kill_filter(_id=number)
            assert await client.echo(b"latte") == b"latte"
            assert await client.client_id() != number

    run(main)


def test_nobody_listening_is_the_clients_own_error(run):
    async def main():
        async with redis.Redis(unix_socket_path="/nowhere", retry=None) as client:
            with pytest.raises(redis.ConnectionError):
                await client.ping()

    run(main)
