"""Servers."""

from benches.compare.row import Server


async def well(place):
    place.listening(f"here:{place.folder.name}")
    await place.forever()


async def lack(place):
    raise NotImplementedError


async def give_up(place):
    pass


async def die_under_load(place):
    place.listening("here:1")
    # The load program begins by making this.
    while not (place.folder / "loaded").exists():
        pass
    raise ConnectionError("enough")


def server(name, serve, *load, **more):
    return Server(name=name, title=name, serve=serve, load=load, **more)


ROWS = [
    server("serve-well", well, "answer", "{address}", "{folder}", limit=("fake-limit", "{folder}")),
    server("serve-stream", well, "answer", "{address}", "{folder}", per="MiB"),
    server("serve-wrong", well, "wrong"),
    server("serve-silent", well, "silent"),
    server("serve-mute", well, "mute"),
    server("serve-lack", lack, "answer"),
    server("serve-give-up", give_up, "answer"),
    server("serve-die-under-load", die_under_load, "die", "{folder}"),
    server("serve-die-later", die_under_load, "complain", "{folder}"),
]
