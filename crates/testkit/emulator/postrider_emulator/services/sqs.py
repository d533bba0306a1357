"""SQS: receiving that is atomic and fast, and move tasks.

moto looks at every message several times for each one that it hands out, and two receives at once may get the same
message. Queues that are FIFO are left to moto.
"""

from __future__ import annotations

import copy
import json
import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from moto.sqs.models import Message, Queue, SQSBackend, _filter_message_attributes, sqs_backends

from .. import limits, reply
from ..reply import AwsError, Reply

if TYPE_CHECKING:
    from ..accounts import Account
    from ..call import Call

# How long a receive that waits sleeps between looks; a message that arrives wakes it at once.
_LOOK_SECONDS = 0.05

_locks: WeakKeyDictionary[Queue, threading.Lock] = WeakKeyDictionary()
_tasks: WeakKeyDictionary[Queue, list[dict[str, Any]]] = WeakKeyDictionary()
_guard = threading.Lock()


def install() -> None:
    """Puts our receive and delete in the place of moto's."""
    receive_fifo = SQSBackend.receive_message

    def receive_message(
        self: SQSBackend, queue_name: str, count: int, wait: int, visibility: int, names: list[str] | None = None
    ) -> list[Message]:
        queue = self.get_queue(queue_name)
        if queue.fifo_queue:
            return receive_fifo(self, queue_name, count, wait, visibility, names)
        deadline = time.monotonic() + min(wait, limits.RECEIVE_WAIT_SECONDS_MAX)
        while True:
            taken = _take(queue, count, visibility, names or [])
            remaining = deadline - time.monotonic()
            if taken or remaining <= 0:
                return taken
            with queue._messages_lock:
                queue._messages_lock.wait(min(remaining, _LOOK_SECONDS))

    SQSBackend.receive_message = receive_message  # type: ignore[method-assign]

    def under_lock(change: Callable[..., Any]) -> Callable[..., Any]:
        def locked(self: Queue, *args: Any) -> Any:
            with _lock_of(self):
                return change(self, *args)

        return locked

    _keep_attributes()
    # Both replace or extend the list that a receive walks through.
    Queue.delete_message = under_lock(Queue.delete_message)  # type: ignore[method-assign]
    Queue.add_message = under_lock(Queue.add_message)  # type: ignore[method-assign]


def _keep_attributes() -> None:
    """Shows who may use a dead-letter queue, and keeps a policy when something else is set; moto does neither."""
    set_attributes = Queue._set_attributes
    shown: Callable[[Queue], dict[str, Any]] = Queue.attributes.fget  # type: ignore[attr-defined]

    def keep_policy(self: Queue, attributes: dict[str, Any], now: float | None = None) -> None:
        before = getattr(self, "policy", None)
        set_attributes(self, attributes, now)
        if "Policy" not in attributes:
            self.policy = before

    def attributes(self: Queue) -> dict[str, Any]:
        allowed = getattr(self, "redrive_allow_policy", None)
        return {**shown(self), **({"RedriveAllowPolicy": allowed} if allowed else {})}

    Queue._set_attributes = keep_policy  # type: ignore[method-assign]
    Queue.attributes = property(attributes)  # type: ignore[method-assign,assignment]


def _lock_of(queue: Queue) -> threading.Lock:
    with _guard:
        return _locks.setdefault(queue, threading.Lock())


def _take(queue: Queue, count: int, visibility: int, names: list[str]) -> list[Message]:
    """Hands out up to `count` messages, and moves to the dead-letter queue what was received too often."""
    retention = int(queue.message_retention_period) * 1000  # type: ignore[call-overload]
    policy = queue.redrive_policy or {}
    receives_max = int(policy["maxReceiveCount"]) if policy and queue.dead_letter_queue is not None else None
    taken: list[Message] = []
    dead: list[Message] = []
    now = time.time() * 1000
    with _lock_of(queue):
        kept = [message for message in queue._messages if (message.sent_timestamp or now) + retention > now]
        queue._messages = kept
        for message in kept:
            if len(taken) >= count:
                break
            if message.visible_at > now or message.delayed_until > now:
                continue
            if receives_max is not None and message.approximate_receive_count >= receives_max:
                dead.append(message)
                continue
            message.mark_received(visibility_timeout=visibility)
            queue.pending_messages.add(message)
            shown = copy.copy(message)
            shown.message_attributes = dict(message.message_attributes)
            _filter_message_attributes(shown, names)
            taken.append(shown)
        if dead:
            queue._messages = [message for message in queue._messages if message not in dead]
            queue.pending_messages.difference_update(dead)
    for message in dead:
        message.visible_at = 0.0
        queue.dead_letter_queue.add_message(message)  # type: ignore[union-attr]
    return taken


def elapse(account: str, region: str, name: str, seconds: int) -> None:
    """Lets time pass for what is in a queue: what is invisible is so for that much less. Raises ValueError."""
    queue = sqs_backends[account][region].queues.get(name)
    if queue is None:
        raise ValueError(f"there is no queue {name}")
    if not 0 < seconds <= limits.ELAPSE_SECONDS_MAX:
        raise ValueError(f"seconds is 1 to {limits.ELAPSE_SECONDS_MAX}")
    with _lock_of(queue):
        for message in queue._messages:
            message.visible_at -= seconds * 1000


def perform(account: Account, call: Call, forward: Callable[[Call], Reply]) -> Reply:
    """Answers the calls moto does not know; the others are moto's."""
    tasks = {
        "StartMessageMoveTask": _start_move,
        "ListMessageMoveTasks": _list_moves,
        "CancelMessageMoveTask": _cancel_move,
    }
    if call.action in tasks:
        return reply.of_json(tasks[call.action](call.json()), content_type="application/x-amz-json-1.0")
    return forward(call)


def _queue_of(arn: str) -> tuple[SQSBackend, Queue]:
    parts = arn.split(":")
    backend = sqs_backends[parts[4]][parts[3]] if len(parts) == 6 else None
    if backend is None or parts[5] not in backend.queues:
        raise AwsError(
            "ResourceNotFoundException",
            "The resource that you specified for the SourceArn parameter doesn't exist.",
            404,
        )
    return backend, backend.queues[parts[5]]


def _sources_of(backend: SQSBackend, arn: str) -> list[Queue]:
    """Queues whose dead letters go there."""
    policies = ((queue, queue.redrive_policy) for queue in backend.queues.values())
    return [queue for queue, policy in policies if policy and policy.get("deadLetterTargetArn") == arn]


def _start_move(asked: dict[str, Any]) -> dict[str, Any]:
    """Moves what is in a dead-letter queue now, at once: to the queue named, or where it came from."""
    arn = str(asked.get("SourceArn", ""))
    backend, source = _queue_of(arn)
    origins = _sources_of(backend, arn)
    if not origins:
        raise AwsError(
            "AWS.SimpleQueueService.UnsupportedOperation", "Source queue must be configured as a Dead Letter Queue."
        )
    target = _queue_of(str(asked["DestinationArn"]))[1] if asked.get("DestinationArn") else origins[0]
    now = time.time() * 1000
    with _lock_of(source):
        moving = [message for message in source._messages if message.visible_at <= now][: limits.MOVED_MESSAGES_MAX]
        source._messages = [message for message in source._messages if message not in moving]
        source.pending_messages.difference_update(moving)
    for message in moving:
        # What is moved is a new message: a new id, never received, with new retention.
        fresh = Message(str(uuid.uuid4()), message.body, message.system_attributes)
        fresh.message_attributes = message.message_attributes
        fresh.mark_sent()
        target.add_message(fresh)
    task = {
        "TaskHandle": str(uuid.uuid4()),
        "Status": "COMPLETED",
        "SourceArn": arn,
        "ApproximateNumberOfMessagesMoved": len(moving),
        "ApproximateNumberOfMessagesToMove": len(moving),
        "StartedTimestamp": int(now),
    }
    if asked.get("DestinationArn"):
        task["DestinationArn"] = asked["DestinationArn"]
    with _guard:
        _tasks.setdefault(source, []).insert(0, task)
        del _tasks[source][limits.MOVE_TASKS_MAX :]
    return {"TaskHandle": task["TaskHandle"]}


def _list_moves(asked: dict[str, Any]) -> dict[str, Any]:
    queue = _queue_of(str(asked.get("SourceArn", "")))[1]
    # Of a task that has ended, AWS does not tell the handle.
    ended = [{name: value for name, value in task.items() if name != "TaskHandle"} for task in _tasks.get(queue, [])]
    return {"Results": json.loads(json.dumps(ended[: int(asked.get("MaxResults", 1))]))}


def _cancel_move(asked: dict[str, Any]) -> dict[str, Any]:
    raise AwsError("ResourceNotFoundException", "The task has ended.", 404)
