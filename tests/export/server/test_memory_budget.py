"""Bytes that coroutines share."""

import asyncio

from export.server.http.memory_budget import MemoryBudget


def test_bytes_are_lent_in_order():
    async def scenario():
        budget = MemoryBudget(10)
        order = []

        async def borrow(name, size):
            await budget.take(size)
            order.append(name)

        await budget.take(8)
        tasks = [
            asyncio.create_task(borrow(name, size))
            for name, size in (("big", 9), ("small", 1), ("last", 3))
        ]
        await asyncio.sleep(0)
        # The small one would fit, but it came later.
        assert order == []
        budget.give(8)
        await asyncio.sleep(0)
        assert order == ["big", "small"]
        budget.give(9)
        await asyncio.gather(*tasks)
        assert order == ["big", "small", "last"]
        budget.give(4)
        await budget.take(10)

    asyncio.run(scenario())


def test_a_cancelled_wait_takes_nothing():
    async def scenario():
        budget = MemoryBudget(10)
        await budget.take(8)
        waiting = [asyncio.create_task(budget.take(size)) for size in (9, 2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        await asyncio.wait_for(waiting[1], 1)
        # Cancelled in the same step in which it was granted.
        late = asyncio.create_task(budget.take(10))
        await asyncio.sleep(0)
        budget.give(10)
        late.cancel()
        await asyncio.gather(*waiting, late, return_exceptions=True)
        await asyncio.wait_for(budget.take(10), 1)

    asyncio.run(scenario())
