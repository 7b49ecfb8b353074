"""What `posts` is measured beside: an endpoint that writes a call down in SQLite before it answers, as a FastAPI service does.

One process of uvicorn, as the service that Warmline replaces. Both write the request down before they answer, and afterwards
what becomes of a call that is busy; what else could be left out here is. Arguments: the database, `FULL` (with
fsync) or `OFF`. It takes its requests on a free port, which is its first line of output.
"""

import json
import socket
import sqlite3
import sys
import time
import uuid
from typing import Annotated

import uvicorn
from fastapi import BackgroundTasks, FastAPI, Header, HTTPException
from pydantic import BaseModel

path, synchronous = sys.argv[1:]
db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
db.execute("PRAGMA journal_mode = WAL")
db.execute(f"PRAGMA synchronous = {synchronous}")
db.execute("CREATE TABLE calls (id TEXT PRIMARY KEY, at REAL, number TEXT, name TEXT, instruction TEXT)")
db.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, call TEXT, at REAL, event TEXT)")
db.execute("CREATE TABLE keys (key TEXT PRIMARY KEY, request TEXT, answer TEXT)")
app = FastAPI()

# What becomes of a call that is busy.
BUSY = [
    {"type": "phase_changed", "from": "queued", "to": "dialing"},
    {"type": "leg_changed", "leg": "customer", "state": "dialing"},
    {"type": "leg_changed", "leg": "customer", "state": "left", "sip_status": 486, "reason": "busy"},
    {"type": "phase_changed", "from": "dialing", "to": "ended"},
    {"type": "call_ended", "reason": "busy", "detail": "The customer's line was busy.", "talk_s": 0, "hold_s": 0},
]


class Order(BaseModel):
    phone_number: str
    name: str | None = None
    dynamic_instruction: str | None = None


@app.post("/calls/outbound-with-escalation")
async def place(order: Order, idempotency_key: Annotated[str, Header()], later: BackgroundTasks):
    request = order.model_dump_json()
    seen = db.execute("SELECT request, answer FROM keys WHERE key = ?", (idempotency_key,)).fetchone()
    if seen:
        if seen[0] != request:
            raise HTTPException(422, "the key was used for another request")
        return json.loads(seen[1])
    call = uuid.uuid4().hex
    message = f"Outbound call with escalation initiated to {order.phone_number} for {order.name}"
    answer = {"status": "success", "message": message, "details": {"call_id": call, "room_name": call}}
    db.execute("BEGIN IMMEDIATE")
    row = (call, time.time(), order.phone_number, order.name, order.dynamic_instruction)
    db.execute("INSERT INTO calls VALUES (?, ?, ?, ?, ?)", row)
    db.execute("INSERT INTO keys VALUES (?, ?, ?)", (idempotency_key, request, json.dumps(answer)))
    db.execute("COMMIT")
    later.add_task(live, call)
    return answer


async def live(call):
    db.execute("BEGIN IMMEDIATE")
    rows = [(call, time.time(), json.dumps(event)) for event in BUSY]
    db.executemany("INSERT INTO events (call, at, event) VALUES (?, ?, ?)", rows)
    db.execute("COMMIT")


listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run([listener])
