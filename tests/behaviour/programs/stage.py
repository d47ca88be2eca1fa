"""Runs a random program on a loop, turn by turn, and keeps what there was to be seen of it.

Nothing here may depend on which loop it is, on addresses, or on how long anything takes.
"""

import asyncio
import contextlib
import contextvars
import itertools

AN_HOUR = 3600

# Far more than a program of this size needs; one that waits for ever is cut off here.
MOST_TURNS = 40

FUTURES = 3

# Shorter than anything takes, so that it is over at the next turn; the real clock is that fine.
NANOSECOND = 1e-9


class Spilt(Exception):
    """What programs fail with."""


class Ordered(dict):
    """What a task group needs of a set, in an order that doesn't depend on addresses."""

    def add(self, task):
        self[task] = None

    def discard(self, task):
        self.pop(task, None)


class Group(asyncio.TaskGroup):
    def __init__(self):
        super().__init__()
        self._tasks = Ordered()


class Stage:
    """A loop and the things that a program finds there."""

    def __init__(self, loop):
        self.loop = loop
        self.turn = 0
        self.trace = []
        self.tasks = []
        self.futures = [loop.create_future() for _ in range(FUTURES)]
        self.serial = itertools.count(1)
        # The function whose code runs, and the task on whose behalf it does.
        self.name = contextvars.ContextVar("name", default=None)
        self.own = contextvars.ContextVar("own", default=0)

    def names(self):
        return {
            "asyncio": asyncio,
            "loop": self.loop,
            "event": asyncio.Event(),
            "lock": asyncio.Lock(),
            "queue": asyncio.Queue(1),
            "semaphore": asyncio.Semaphore(1),
            "AN_HOUR": AN_HOUR,
            "Spilt": Spilt,
            "Group": Group,
            "soon": self.soon,
            "spawn": self.spawn,
            "join": self.join,
            "task": lambda number: self.tasks[number % len(self.tasks)],
            "later_task": self.later_task,
            "future": lambda number: self.futures[number % FUTURES],
            "cancel": lambda thing, message: thing.cancel(message),
            "attempt": self.attempt,
            "note": self.note,
            "noting": self.noting,
        }

    # --- what programs call

    def soon(self, turns):
        return turns * NANOSECOND

    def spawn(self, function, create_task=None):
        """Makes a task, whose place in the list is taken before it begins."""
        place = len(self.tasks)
        context = contextvars.copy_context()
        context.run(self.own.set, place)
        self.tasks.append(self.futures[0])
        create_task = create_task or self.loop.create_task
        self.tasks[place] = context.run(create_task, function(), name=function.__name__)

    def join(self, group, function):
        def create_task(coroutine, name):
            try:
                return group.create_task(coroutine, name=name)
            except RuntimeError as error:
                # The group is closing.
                coroutine.close()
                self.note(error)
                return self.futures[0]

        self.spawn(function, create_task)

    def later_task(self, number):
        """One that was made after the task that asks: so no two can wait for each other."""
        later = self.tasks[self.own.get() + 1 :]
        return later[number % len(later)] if later else self.futures[number % FUTURES]

    def attempt(self, function, *arguments):
        try:
            self.note(function(*arguments))
        except Exception as error:
            self.note(error)

    @contextlib.contextmanager
    def noting(self, name):
        before = self.name.get()
        self.name.set(name)
        self.note("begins")
        try:
            yield
        except BaseException as error:
            self.note(error)
            raise
        else:
            self.note("ends")
        finally:
            self.name.set(before)

    def note(self, thing):
        task = asyncio.current_task(self.loop)
        asked = task.cancelling() if task else None
        self.trace.append((self.turn, self.name.get(), asked, self.shown(thing)))

    # --- what is kept of a program

    def shown(self, thing):
        match thing:
            case asyncio.Future():
                return self.outcome(thing)
            case BaseExceptionGroup():
                return type(thing).__name__, [self.shown(error) for error in thing.exceptions]
            case RuntimeError() | asyncio.InvalidStateError():
                # Their texts name tasks, whose names name addresses.
                return type(thing).__name__
            case BaseException():
                return type(thing).__name__, *thing.args
            case list() | tuple():
                return [self.shown(each) for each in thing]
            case set():
                return sorted(repr(self.shown(each)) for each in thing)
        return thing

    def outcome(self, future):
        made = [*self.tasks, *self.futures]
        name = made.index(future) if future in made else type(future).__name__
        if not future.done():
            return name, "pending"
        if future.cancelled():
            return name, "cancelled"
        error = future.exception()
        return name, self.shown(error if error is not None else future.result())

    def report(self, loop, context):
        # When the garbage collector comes is nobody's promise.
        if "exception" in context and "never retrieved" not in context["message"]:
            self.note((context["message"].split()[:2], context["exception"]))

    def one_turn(self):
        self.turn += 1
        self.loop.stop()
        self.loop.run_forever()

    def run(self, code, guests):
        names = self.names()
        exec(code, names)
        self.loop.set_exception_handler(self.report)
        for number in range(guests):
            self.spawn(names[f"guest_{number}"])
        while self.turn < MOST_TURNS and any(not task.done() for task in self.tasks):
            self.one_turn()
        self.trace.append([self.outcome(each) for each in (*self.tasks, *self.futures)])
        return self.trace

    def clear(self):
        """Ends what still waits, so that nothing is left when the loop is closed."""
        self.trace = []
        self.loop.set_exception_handler(lambda loop, context: None)
        while tasks := asyncio.all_tasks(self.loop):
            for task in tasks:
                task.cancel()
            self.one_turn()


class TurnStage(Stage):
    """A stage whose clock counts turns: for a loop whose `time()` is `clock`."""

    def soon(self, turns):
        # No two deadlines are the same, which asyncio would serve in any order.
        return turns + next(self.serial) / 4096
