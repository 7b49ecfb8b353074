"""The official Python SDK as the other party: joins, says a tone, tells as JSON lines what it hears and learns.

Arguments: URL, token. Ends when its standard input does.
"""

import asyncio
import json
import sys

import numpy as np
from livekit import rtc

TONE_HZ = 660


def tell(**what):
    print(json.dumps(what), flush=True)


async def listen(track, identity):
    """Tells the pitch of every second that is heard."""
    heard = []
    async for event in rtc.AudioStream(track, sample_rate=48_000, num_channels=1):
        heard.append(np.frombuffer(event.frame.data, dtype=np.int16).astype(np.float64))
        if sum(map(len, heard)) < 48_000:
            continue
        audio, heard = np.concatenate(heard), []
        spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
        peak, width = int(np.argmax(spectrum)), max(2, 20 * len(audio) // 48_000)
        tone = spectrum[max(0, peak - width) : peak + width + 1].sum()
        snr = 10 * np.log10(max(tone, 1e-9) / max(spectrum.sum() - tone, 1e-9))
        rms = np.sqrt((audio**2).mean())
        windows = audio[: len(audio) // 480 * 480].reshape(-1, 480)
        dropouts = int((np.sqrt((windows**2).mean(axis=1)) < rms / 10).sum())
        tell(what="heard", who=identity, hz=peak * 48_000 / len(audio), snr=snr, dropouts=dropouts)


async def say(source):
    n = 0
    while True:
        at = np.arange(n, n + 480)
        n += 480
        tone = (8192 * np.sin(2 * np.pi * TONE_HZ * at / 48_000)).astype(np.int16)
        await source.capture_frame(rtc.AudioFrame(tone.tobytes(), 48_000, 1, 480))


async def main(url, token):
    room = rtc.Room()
    tasks = set()

    def spawn(work):
        task = asyncio.ensure_future(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    @room.on("track_subscribed")
    def _(track, publication, participant):
        tell(what="subscribed", who=participant.identity, name=publication.name, mime=publication.mime_type)
        spawn(listen(track, participant.identity))

    room.on("track_muted", lambda participant, publication: tell(what="muted", who=participant.identity))
    room.on("participant_attributes_changed", lambda changed, participant: tell(what="attributes", changed=changed))
    room.on("participant_disconnected", lambda participant: tell(what="left", who=participant.identity))
    room.on("sip_dtmf_received", lambda key: tell(what="key", digit=key.digit))
    room.on(
        "data_received",
        lambda packet: tell(what="data", topic=packet.topic, text=bytes(packet.data).decode()),
    )

    async def read(reader, identity):
        text = await reader.read_all()
        tell(what="text", topic=reader.info.topic, text=text, attributes=dict(reader.info.attributes), who=identity)

    for topic in ("lk.transcription", "lk.chat"):
        room.register_text_stream_handler(topic, lambda reader, identity: spawn(read(reader, identity)))

    await room.connect(url, token, rtc.RoomOptions(auto_subscribe=True))
    tell(what="connected", identity=room.local_participant.identity)

    @room.local_participant.register_rpc_method("echo")
    async def _(call):
        return f"{call.caller_identity} said {call.payload}"

    source = rtc.AudioSource(48_000, 1)
    track = rtc.LocalAudioTrack.create_audio_track("tone", source)
    options = rtc.TrackPublishOptions()
    options.source = rtc.TrackSource.SOURCE_MICROPHONE
    await room.local_participant.publish_track(track, options)
    spawn(say(source))

    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = line.strip()
        local = room.local_participant
        if order == "speak":
            await local.publish_data(b"reliable", reliable=True, topic="r")
            await local.publish_data(b"lossy", reliable=False, topic="l")
            await local.send_text("gr\u00fc\u00dfe \u4e16\u754c", topic="lk.chat", attributes={"k": "v"})
            await local.publish_dtmf(code=5, digit="5")
            await local.set_attributes({"mood": "happy"})
        elif order == "call":
            answer = await local.perform_rpc(destination_identity="rust", method="greet", payload="hello")
            tell(what="answer", answer=answer)
        elif order == "mute":
            track.mute()
    await room.disconnect()


asyncio.run(main(*sys.argv[1:]))
