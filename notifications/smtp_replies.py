"""How each reply of a mail server is judged, for the e-mail and for the server: one row per step of the session.

A session is the same for every e-mail until a recipient is named. An error before that concerns the destination: every
e-mail would have met it. Only a 5yz to RCPT, to DATA or to the end of the data is a judgement on the e-mail (RFC 5321,
sections 4.2.1 and 4.3.2): 43 e-mails were dead because of an expired password, and twelve addresses that cannot be sent
to blocked all e-mail.
"""

from __future__ import annotations

from typing import Literal, get_args

from side_effects.retry import Outcome

Step = Literal["connect", "banner", "EHLO", "STARTTLS", "AUTH", "MAIL FROM", "RCPT TO", "DATA", "end of data", "QUIT"]
Reply = Literal["2yz", "4yz", "5yz", "421", "lost", "time-out", "nonsense", "not offered"]
"""2yz stands for the expected reply, which is 354 after DATA. `421` may answer any command and announces that the
server is shutting down; `lost` is a connection that was refused or broke; `not offered` is a session that we do not
continue: without TLS, with an untrusted certificate, or without a way to authenticate."""

GO_ON = Outcome("succeeded")
SENT = Outcome("succeeded")
AGAIN = Outcome("retry")
"""The server fails: the e-mail waits, and the circuit counts a failure."""

REFUSED = Outcome("retry", circuit="refused")
"""No e-mail would get any further: the circuit opens at once, and no e-mail has spent an attempt."""

PUT_OFF = Outcome("retry", circuit="good")
"""Greylisting, a full mailbox: a matter of this recipient. A server that answers for a recipient works."""

NEVER = Outcome("dead", circuit="good")

REPLIES: tuple[Reply, ...] = get_args(Reply)

_ROWS: dict[Step, tuple[Outcome, ...]] = {
    # columns: 2yz, 4yz, 5yz, 421, lost, time-out, nonsense, not offered
    "connect": (GO_ON, AGAIN, REFUSED, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "banner": (GO_ON, AGAIN, REFUSED, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "EHLO": (GO_ON, AGAIN, REFUSED, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "STARTTLS": (GO_ON, AGAIN, REFUSED, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "AUTH": (GO_ON, AGAIN, REFUSED, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "MAIL FROM": (GO_ON, AGAIN, REFUSED, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "RCPT TO": (GO_ON, PUT_OFF, NEVER, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "DATA": (GO_ON, AGAIN, NEVER, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "end of data": (SENT, AGAIN, NEVER, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    # The e-mail is accepted; the reply to QUIT changes nothing.
    "QUIT": (SENT, SENT, SENT, SENT, SENT, SENT, SENT, SENT),
}

TABLE: dict[tuple[Step, Reply], Outcome] = {
    (step, reply): outcome for step, row in _ROWS.items() for reply, outcome in zip(REPLIES, row, strict=True)
}


def judge(step: Step, reply: Reply, text: str) -> Outcome:
    """The outcome for the e-mail, and for the circuit, if the server's reply to this step was `text`."""
    found = TABLE[step, reply]
    return Outcome(found.kind, f"{step}: {text}", circuit=found.circuit)


def reply_of(step: Step, code: int) -> Reply:
    """The class of a code (RFC 5321, section 4.2.1); a positive reply of another kind than expected is invalid."""
    if code == 421:
        return "421"
    if 400 <= code < 600:
        return "4yz" if code < 500 else "5yz"
    return "2yz" if code // 100 == (3 if step == "DATA" else 2) else "nonsense"
