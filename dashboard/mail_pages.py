"""/dev/mail: what the demo would have sent. The pages exist only while e-mails are kept in the data folder."""

from __future__ import annotations

import base64
from email.message import EmailMessage

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from foundation.errors import NotFound
from notifications.kept_mail import KeptMail, MailFolder

MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups"
"""An e-mail as its reader sees it: with its inline styles and attached images, and without anything else."""

MAIL_HEADERS = ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "References", "List-Unsubscribe")


def blueprint(folder: MailFolder) -> Blueprint:
    """The pages, open to everyone: anybody can sign in to the demo as anybody."""
    pages = Blueprint("mail", __name__)

    @pages.get("/dev/mail")
    def mails() -> ResponseReturnValue:
        return render_template("mails.html", mails=folder.mails(), one=None)

    @pages.get("/dev/mail/<name>")
    def mail(name: str) -> ResponseReturnValue:
        found = _found(folder, name).message
        headers = [(one, str(found[one])) for one in MAIL_HEADERS if one in found]
        return render_template("mails.html", mails=(), one=name, headers=headers, content=_body(found, "plain"))

    @pages.get("/dev/mail/<name>/html")
    def html(name: str) -> ResponseReturnValue:
        message = _found(folder, name).message
        text = _body(message, "html")
        for part in message.walk():
            if part.get_content_maintype() == "image":
                text = text.replace(f"cid:{part['Content-ID'].strip('<>')}", _data_url(part))
        return text, {"Content-Security-Policy": MAIL_POLICY, "Content-Type": "text/html; charset=utf-8"}

    return pages


def _found(folder: MailFolder, name: str) -> KeptMail:
    found = folder.mail(name)
    if found is None:
        raise NotFound("There is no such e-mail; the newest 200 are kept.")
    return found


def _body(message: EmailMessage, form: str) -> str:
    """The text in this form, `plain` or `html`; empty if the e-mail has none."""
    part = message.get_body((form,))
    return str(part.get_content()) if part is not None else ""


def _data_url(part: EmailMessage) -> str:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return f"data:{part.get_content_type()};base64,{base64.b64encode(content).decode()}"
