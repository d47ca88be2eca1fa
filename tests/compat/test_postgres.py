"""asyncpg and psycopg with a PostgreSQL: a protocol of its own, and one on watched descriptors."""

import asyncio
import contextlib

import asyncpg
import psycopg
import pytest

pytestmark = pytest.mark.slow

MANY = 100_000
A_LONG_QUERY = "SELECT pg_sleep(3600)"
# Whether it is run: only then can it be cancelled.
RUNNING = f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = '{A_LONG_QUERY}'"


@pytest.fixture
def enter(postgres):
    """Connects with the database, by its socket or by TCP."""

    def enter(**options):
        host = "127.0.0.1" if options else postgres.folder
        return asyncpg.connect(
            host=host, port=postgres.port, user="barista", database="postgres", **options
        )

    return enter


@pytest.fixture
def psycopg_enter(postgres):
    def enter(host=postgres.folder, **options):
        return psycopg.AsyncConnection.connect(
            host=host, port=postgres.port, user="barista", dbname="postgres", **options
        )

    return enter


@contextlib.asynccontextmanager
async def closing(connecting):
    connection = await connecting
    try:
        yield connection
    finally:
        await connection.close()


def test_rows_come_back(run, enter):
    async def main():
        async with closing(enter()) as connection:
            rows = await connection.fetch("SELECT n FROM generate_series(1, $1) AS n", MANY)
            assert [row["n"] for row in rows] == list(range(1, MANY + 1))
            big = "x" * (1 << 22)
            assert await connection.fetchval("SELECT $1::text", big) == big

    run(main)


def test_a_cursor_reads_while_it_is_written(run, enter):
    async def main():
        async with closing(enter()) as connection:
            async with connection.transaction():
                seen = 0
                async for row in connection.cursor("SELECT n FROM generate_series(1, 5000) AS n"):
                    seen += row["n"]
                assert seen == 5000 * 5001 // 2

    run(main)


def test_a_copy_streams_in_both_directions(run, enter):
    async def main():
        async with closing(enter()) as connection:
            await connection.execute("CREATE TEMPORARY TABLE menu (id int, coffee text)")
            records = [(number, f"coffee {number}") for number in range(10_000)]
            await connection.copy_records_to_table("menu", records=records)
            received = bytearray()

            async def take(chunk):
                received.extend(chunk)

            await connection.copy_from_query("SELECT * FROM menu ORDER BY id", output=take)
            lines = received.decode().splitlines()
            assert lines == [f"{number}\t{coffee}" for number, coffee in records]

    run(main)


def test_a_query_that_is_cancelled_ends_in_the_server_too(run, enter):
    async def main():
        async with closing(enter()) as connection, closing(enter()) as witness:
            query = asyncio.create_task(connection.execute(A_LONG_QUERY))
            while not await witness.fetchval(RUNNING):
                pass
            query.cancel()
            with pytest.raises(asyncio.CancelledError):
                await query
            while await witness.fetchval(RUNNING):
                pass
            assert await connection.fetchval("SELECT 1") == 1

    run(main)


def test_a_query_that_takes_too_long_is_a_timeout(run, enter):
    async def main():
        async with closing(enter()) as connection:
            with pytest.raises(TimeoutError):
                # It may be over before the query has begun, which then isn't cancelled.
                await connection.execute("SELECT pg_sleep(0.2)", timeout=0.001)
            assert await connection.fetchval("SELECT 1") == 1

    run(main)


def test_a_pool_serves_more_tasks_than_it_has_connections(run, postgres):
    async def main():
        async with asyncpg.create_pool(
            host=postgres.folder, port=postgres.port, user="barista", database="postgres",
            min_size=2, max_size=4,
        ) as pool:
            numbers = range(100)
            answers = [pool.fetchval("SELECT $1::int", number) for number in numbers]
            assert await asyncio.gather(*answers) == list(numbers)

    run(main)


def test_a_notification_reaches_its_listener(run, enter):
    async def main():
        async with closing(enter()) as listener, closing(enter()) as speaker:
            heard = asyncio.get_running_loop().create_future()

            def hear(connection, process, channel, payload):
                heard.set_result((channel, payload))

            await listener.add_listener("orders", hear)
            await speaker.execute("NOTIFY orders, 'latte'")
            assert await heard == ("orders", "latte")
            await listener.remove_listener("orders", hear)

    run(main)


def test_a_connection_that_the_server_ends_is_an_error(run, enter):
    async def main():
        async with closing(enter()) as connection, closing(enter()) as witness:
            query = asyncio.create_task(connection.execute(A_LONG_QUERY))
            while not await witness.fetchval(RUNNING):
                pass
            await witness.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())
            with pytest.raises((asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError)):
                await query

    run(main)


def test_a_connection_is_made_secure_after_it_was_made(run, enter, certificate):
    async def main():
        async with closing(enter(ssl=certificate.client)) as connection:
            rows = await connection.fetch("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            assert rows[0]["ssl"]
            big = "x" * (1 << 20)
            assert await connection.fetchval("SELECT $1::text", big) == big

    run(main)


# --- psycopg waits for its descriptor to be readable or writable, and does the rest in C


def test_psycopgs_rows_come_back(run, psycopg_enter):
    async def main():
        async with await psycopg_enter() as connection:
            cursor = await connection.execute("SELECT n FROM generate_series(1, %s) AS n", [MANY])
            assert await cursor.fetchall() == [(n,) for n in range(1, MANY + 1)]
            big = "x" * (1 << 22)
            cursor = await connection.execute("SELECT %s::text", [big])
            assert await cursor.fetchone() == (big,)

    run(main)


def test_psycopgs_copies_stream_in_both_directions(run, psycopg_enter):
    async def main():
        async with await psycopg_enter() as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE TEMPORARY TABLE menu (id int, coffee text)")
            records = [(number, f"coffee {number}") for number in range(10_000)]
            async with cursor.copy("COPY menu FROM STDIN") as copy:
                for record in records:
                    await copy.write_row(record)
            async with cursor.copy("COPY menu TO STDOUT") as copy:
                copy.set_types(["int4", "text"])
                assert [row async for row in copy.rows()] == records

    run(main)


def test_psycopgs_connections_are_used_at_once(run, psycopg_enter):
    async def main():
        async def ask(number):
            async with await psycopg_enter() as connection:
                return await (await connection.execute("SELECT %s::int", [number])).fetchone()

        assert await asyncio.gather(*map(ask, range(20))) == [(n,) for n in range(20)]

    run(main)


def test_a_query_of_psycopgs_that_is_cancelled_ends_in_the_server_too(run, psycopg_enter):
    async def main():
        async with (
            await psycopg_enter(autocommit=True) as connection,
            await psycopg_enter(autocommit=True) as witness,
        ):
            query = asyncio.create_task(connection.execute(A_LONG_QUERY))
            while (await (await witness.execute(RUNNING)).fetchone()) == (0,):
                pass
            query.cancel()
            with pytest.raises(asyncio.CancelledError):
                await query
            assert await (await connection.execute("SELECT 1")).fetchone() == (1,)

    run(main)


def test_psycopgs_notifications_reach_their_listener(run, psycopg_enter):
    async def main():
        async with await psycopg_enter(autocommit=True) as listener:
            await listener.execute("LISTEN orders")
            async with await psycopg_enter(autocommit=True) as speaker:
                await speaker.execute("NOTIFY orders, 'latte'")
            async for notification in listener.notifies(stop_after=1):
                assert notification.payload == "latte"

    run(main)
