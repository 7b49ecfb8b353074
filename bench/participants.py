"""What `warmline-bench`'s own participants do, with LiveKit's Python SDK: see src/livekit/subject.rs.

Argument: the server's URL. Orders come on the standard input.
"""

import asyncio
import json
import sys
import time

import numpy as np
from livekit import rtc

RATE, FRAME = 16_000, 320
counts = {"heard": 0, "late": 0, "sound": 0}


def voice():
    t = np.arange(RATE) / RATE
    wave = np.sin(2 * np.pi * 180 * t) + 0.5 * np.sin(2 * np.pi * 360 * t) + 0.3 * np.sin(2 * np.pi * 1250 * t)
    return (wave * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * t)) * 5000).astype(np.int16)


VOICE = voice()


async def say(source):
    at = 0
    while True:
        frame = VOICE[at : at + FRAME].tobytes()
        at = (at + FRAME) % RATE
        await source.capture_frame(rtc.AudioFrame(frame, RATE, 1, FRAME))


async def count(track, hears):
    due = None
    async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1, frame_size_ms=20):
        now = time.monotonic()
        if not hears.done():
            hears.set_result(None)
        expected = now if due is None else min(due + 0.02, now)
        counts["heard"] += 1
        counts["late"] += now - expected > 0.02
        counts["sound"] += bool((np.abs(np.frombuffer(event.frame.data, dtype=np.int16)) > 100).any())
        due = expected


async def join(url, token, tasks):
    room, hears = rtc.Room(), asyncio.get_running_loop().create_future()

    def spawn(work):
        task = asyncio.ensure_future(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def wanted(publication, participant):
        if participant.identity == "talker":
            publication.set_subscribed(True)

    room.on("track_published", wanted)
    room.on("track_subscribed", lambda track, publication, participant: spawn(count(track, hears)))
    begun = time.monotonic()
    await room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))
    joined = time.monotonic() - begun
    for participant in room.remote_participants.values():
        for publication in participant.track_publications.values():
            wanted(publication, participant)
    source = rtc.AudioSource(RATE, 1)
    track = rtc.LocalAudioTrack.create_audio_track("voice", source)
    options = rtc.TrackPublishOptions()
    options.source = rtc.TrackSource.SOURCE_MICROPHONE
    await room.local_participant.publish_track(track, options)
    spawn(say(source))
    await asyncio.wait_for(hears, 30)
    return room, joined


async def main(url):
    rooms, tasks, loop = [], set(), asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order, argument = line.split()
        begun = time.monotonic()
        if order == "join":
            room, joined = await join(url, argument, tasks)
            rooms.append(room)
            answer = {"joined_ms": joined * 1000}
        else:
            before = dict(counts)
            await asyncio.sleep(float(argument))
            answer = {name: counts[name] - before[name] for name in counts}
            answer["seconds"] = time.monotonic() - begun
        print(json.dumps(answer), flush=True)
    for room in rooms:
        await room.disconnect()


asyncio.run(main(sys.argv[1]))
