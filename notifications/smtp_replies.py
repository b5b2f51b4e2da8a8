"""What each answer of a mail server says of the mail, and of the server: one judgement per step of a conversation.

A session is the same for every mail until a recipient is named. Whatever goes wrong before that concerns the
destination: it would have gone wrong for each of them. Only a 5yz to RCPT, to DATA or to the end of the data is a
judgement on the mail (RFC 5321, sections 4.2.1 and 4.3.2): 43 mails were dead because of a password that had expired,
and twelve addresses that nobody could have sent to stopped all mail.
"""

from __future__ import annotations

from typing import Literal, get_args

from side_effects.retry import Outcome

Step = Literal["connect", "banner", "EHLO", "STARTTLS", "AUTH", "MAIL FROM", "RCPT TO", "DATA", "end of data", "QUIT"]
Reply = Literal["2yz", "4yz", "5yz", "421", "lost", "time-out", "nonsense", "not offered"]
"""2yz stands for what the step hopes for, which is 354 after DATA. `421` may answer any command and says that the
server is going; `lost`, a connection that was refused or broke; `not offered`, a session that we do not go on with:
without TLS, with a certificate that nobody vouches for, or without a way to sign in."""

GO_ON = Outcome("succeeded")
SENT = Outcome("succeeded")
AGAIN = Outcome("retry")
"""The server is not well: the mail waits, and the circuit counts a failure."""

REFUSED = Outcome("retry", circuit="refused")
"""No mail would get any further: the circuit opens at once, and no mail has spent an attempt."""

PUT_OFF = Outcome("retry", circuit="good")
"""Greylisting, a full mailbox: this recipient's matter. A server that answers for one of them is well."""

NEVER = Outcome("dead", circuit="good")

REPLIES: tuple[Reply, ...] = get_args(Reply)

_ROWS: dict[Step, tuple[Outcome, ...]] = {
    # what is heard: 2yz, 4yz, 5yz, 421, lost, time-out, nonsense, not offered
    "connect": (GO_ON, AGAIN, REFUSED, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "banner": (GO_ON, AGAIN, REFUSED, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "EHLO": (GO_ON, AGAIN, REFUSED, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "STARTTLS": (GO_ON, AGAIN, REFUSED, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "AUTH": (GO_ON, AGAIN, REFUSED, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "MAIL FROM": (GO_ON, AGAIN, REFUSED, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "RCPT TO": (GO_ON, PUT_OFF, NEVER, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "DATA": (GO_ON, AGAIN, NEVER, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    "end of data": (SENT, AGAIN, NEVER, AGAIN, AGAIN, AGAIN, AGAIN, REFUSED),
    # The mail is taken; whether they say goodbye in return changes nothing.
    "QUIT": (SENT, SENT, SENT, SENT, SENT, SENT, SENT, SENT),
}

TABLE: dict[tuple[Step, Reply], Outcome] = {
    (step, reply): outcome for step, row in _ROWS.items() for reply, outcome in zip(REPLIES, row, strict=True)
}


def judge(step: Step, reply: Reply, said: str) -> Outcome:
    """What becomes of the mail, and what the circuit hears, when `said` was the server's reply to this step."""
    found = TABLE[step, reply]
    return Outcome(found.kind, f"{step}: {said}", circuit=found.circuit)


def reply_of(step: Step, code: int) -> Reply:
    """The class of a code (RFC 5321, section 4.2.1); a yes to something else than was asked is nonsense."""
    if code == 421:
        return "421"
    if 400 <= code < 600:
        return "4yz" if code < 500 else "5yz"
    return "2yz" if code // 100 == (3 if step == "DATA" else 2) else "nonsense"
